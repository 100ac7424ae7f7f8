#!/usr/bin/env bash
# Measures the scores of a trial list, beside those of other systems for the same trials:
#   steps/evaluate.sh [options] <data> <trials> <scores> <out>
# prints EER and minDCF with 95 % intervals (speakers resampled), for --llr also actDCF and Cllr; writes metrics.json
# and curves.npz into <out>.
set -euo pipefail

name=model       # what the system is called in tables and plots
system=()        # a further system as name=scores: plda=exp/x/plda/scores
llr=()           # the name of a system whose scores are log-likelihood ratios (+calibration, +quality)
baseline=        # scores of the same trials by a system to compare with
baseline_name="untrained baseline"  # what that system is called
replicates=1000  # resamplings of the speakers
seed=0           # of the resampling
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 4 ] || die "expected <data> <trials> <scores> <out>, found $# arguments"
data=$1 trials=$2 scores=$3 out=$4
require_file "$data/utt2spk" "the preparation of the corpus (stage 0) makes it"
require_file "$trials" "the preparation of the corpus (stage 0) makes it"
for file in "$scores" ${baseline:+"$baseline"}; do
  require_file "$file" "steps/score_trials.sh (stage 4) makes it"
done
timbre evaluate --name "$name" "${system[@]/#/--system=}" "${llr[@]/#/--llr=}" \
  ${baseline:+--baseline "$baseline" --baseline-name "$baseline_name"} \
  --replicates "$replicates" --seed "$seed" "$data" "$trials" "$scores" "$out"
