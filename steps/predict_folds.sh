#!/usr/bin/env bash
# Classifies the test part of each fold by the model that was trained on the rest, folds as jobs:
#   steps/predict_folds.sh [options] <folds> <exp>
# reads <folds>/<k>/test and <exp>/fold_<k>; writes posteriors.{ark,scp} and classes into <exp>/fold_<k>/test, and of
# all folds together into <exp>/test; of a fusion of streams gates.{ark,scp} and streams too.
set -euo pipefail

nj=2            # folds that are done at once
cmd=            # job runner (default: train_cmd of cmd.sh)
device=auto     # auto, cpu or cuda
bad_audio=fail  # utterances too short for the encoder: fail, or skip
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -eq 2 ] || die "expected <folds> <exp>, found $# arguments"
folds=$1 exp=$2
require_file "$folds/1/test/utt2spk" "timbre copy-folds (stage 1) makes it"
count=$(count_folds "$folds")
[ "$nj" -le "$count" ] || nj=$count
share_processors "$nj"
${cmd:-$train_cmd} --max-jobs-run "$nj" JOB=1:"$count" "$exp/log/predict.JOB.log" \
  "$here/steps/predict.sh" --nj 1 --device "$device" --bad-audio "$bad_audio" \
  "$exp/fold_JOB" "$folds/JOB/test" "$exp/fold_JOB/test"
predicted=()
for ((k = 1; k <= count; k++)); do predicted+=("$exp/fold_$k/test"); done
timbre join-posteriors "${predicted[@]}" "$exp/test"
