#!/usr/bin/env bash
# Makes one self-contained HTML page of an experiment's results, and the model's card:
#   steps/make_report.sh [options] <exp>
# writes <exp>/report.html and, unless there is no model to describe, <exp>/model_card.md from <exp>/metrics.json and
# <exp>/*/metrics.json, and what else the experiment holds. With --audio true the worst errors can be heard in the page: it
# then holds people's voices (10 s of an utterance, 5 MB in all), so mind who gets it.
set -euo pipefail

about=      # a file with a sentence on the speech, shown under the title (default: what the data directory says)
card=true   # make the model's card; a fusion has none
audio=false  # put the audio of the worst errors into the page: people's voices
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 1 ] || die "expected <exp>, found $# arguments"
exp=$1
[ ! -e "$exp/plan/streams" ] || card=false
hear=
[ "$audio" = false ] || hear=true
reads=()
for file in "$exp"/{,*/,seeds/*/fold_*/}{metrics.json,curves.npz,history.jsonl} "$exp"/{final.pt,gates.json}; do
  [ ! -e "$file" ] || reads+=(--input "$file")
done
files=(report.html)
[ "$card" = false ] || files+=(model_card.md)
begin_step make_report "$exp" --files "${files[@]}" "${reads[@]}" ${about:+--input "$about"} \
  ${hear:+--value audio=true}
text=()
[ -z "$about" ] || text=(--about "$(<"$about")")
timbre make-report "${text[@]}" ${hear:+--audio} "$exp"
[ "$card" = false ] || timbre make-model-card "${text[@]}" "$exp"
end_step
