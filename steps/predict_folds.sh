#!/usr/bin/env bash
# Classifies the test part of each fold by the model that was trained on the rest, folds as jobs:
#   steps/predict_folds.sh [options] <folds> <exp>
# reads <folds>/<k>/test and <exp>/fold_<k>; writes posteriors.{ark,scp} and classes into <exp>/fold_<k>/test, and of
# all folds together into <exp>/test; of a fusion of streams gates.{ark,scp} and streams too. Of an ensemble every member
# does so, and <exp>/test is their mean.
set -euo pipefail

plan=           # the experiment's plan, of an ensemble with its members
nj=2            # folds that are done at once
cmd=            # job runner (default: cuda_cmd of cmd.sh)
device=auto     # auto, cpu or cuda
bad_audio=fail  # utterances too short for the encoder: fail, or skip
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 2 ] || die "expected <folds> <exp>, found $# arguments"
folds=$1 exp=$2
if [ -s "$plan/members" ]; then
  means=() reads=()
  while read -r seed member; do
    "$0" --nj "$nj" ${cmd:+--cmd "$cmd"} --device "$device" --bad-audio "$bad_audio" "$folds" "$member" </dev/null
    means+=(--member "$seed=$member/test") reads+=(--made "$member/test/posteriors.scp")
  done <"$plan/members"
  begin_step average_posteriors "$exp/test" "${reads[@]}"
  timbre average-posteriors "${means[@]}" "$WORK"
  end_step
  exit
fi
mapfile -t parts < <(list_folds "$folds" test)
mapfile -t models < <(seq -f "$exp/fold_%g/final.pt" "${#parts[@]}")
begin_step predict_folds "$exp/test" "${parts[@]/#/--data=}" "${models[@]/#/--input=}" --value bad_audio="$bad_audio"

count=${#parts[@]}
[ "$nj" -le "$count" ] || nj=$count
share_processors "$nj"
${cmd:-$cuda_cmd} --max-jobs-run "$nj" "$JOB=1:$count" "$WORK/log/predict.$JOB.log" \
  "$here/steps/predict.sh" --nj 1 --device "$device" --bad-audio "$bad_audio" --cmd "$here/utils/run_local.sh" \
  "$exp/fold_$JOB" "$folds/$JOB/test" "$exp/fold_$JOB/test"
mapfile -t predicted < <(seq -f "$exp/fold_%g/test" "$count")
timbre join-posteriors "${predicted[@]}" "$WORK"
end_step
