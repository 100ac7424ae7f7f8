#!/usr/bin/env bash
# A data directory with its own features, beside the one it is made from (features of several confs never mix):
#   steps/make_feats_dir.sh [options] <data> <feats-data>
# copies <data>, adds copies at other speeds if asked for, and runs make_feats.sh and, if asked for, compute_vad.sh.
# Nothing is done where <feats-data> is newer than <data>.
set -euo pipefail

conf=conf/mfcc.yaml  # a features section, or an experiment's conf that has one
set=()               # override one key of the conf
stream=              # of a conf with streams: the one whose frames are extracted
speeds=              # also copies at these speeds, as further speakers: "0.9 1.1"
most=                # so many utterances at most, evenly spread over <data>
online=false         # make no features: training computes them from the waveforms
vad=false            # find voiced frames too
nj=4                 # parallel jobs
bad_audio=fail       # audio that cannot be used: fail, or skip
allow_pipes=false    # run the commands of wav.scp
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <data> <feats-data>, found $# arguments"
data=$1 out=$2
[ -e "$data/given.scp" ] || require_file "$data/wav.scp" "the preparation of the corpus (stage 0) makes it"
lock_dir "$out"
made=$out/feats.scp
[ "$vad" = false ] || made=$out/vad.scp
[ "$online" = false ] || made=$out/.prepared
fresh=true
for table in wav.scp given.scp utt2spk; do
  [ ! -e "$data/$table" ] || [ "$made" -nt "$data/$table" ] || fresh=false
done
if [ "$fresh" = true ]; then
  echo "$out: features are up to date"
  exit 0
fi
if [ -n "$speeds" ]; then
  # shellcheck disable=SC2086 # one argument a speed
  timbre add-speed-copies "$data" "$out" $speeds
elif [ -n "$most" ] && [ "$(wc -l < "$data/utt2spk")" -gt "$most" ]; then
  "$here/utils/subset_data_dir.sh" "$data" "$most" "$out" > /dev/null
else
  "$here/utils/copy_data_dir.sh" "$data" "$out" > /dev/null
fi
[ ! -e "$data/enrol" ] || cp "$data/enrol" "$out/enrol"
"$here/utils/validate_data_dir.sh" --no-feats --no-text "$out" > /dev/null
if [ "$online" = true ]; then
  touch "$out/.prepared" # last: a directory without it was interrupted
  exit 0
fi
options=(--conf "$conf" --stream "$stream" --nj "$nj" --bad-audio "$bad_audio" --allow-pipes "$allow_pipes")
for setting in "${set[@]}"; do options+=(--set "$setting"); done
"$here/steps/make_feats.sh" "${options[@]}" "$out"
[ ! -s "$out/feats.skipped" ] || "$here/utils/fix_data_dir.sh" "$out"
[ "$vad" = false ] || "$here/steps/compute_vad.sh" "${options[@]}" "$out"
