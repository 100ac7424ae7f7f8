#!/usr/bin/env bash
# Trains a model on each fold, folds as jobs:
#   steps/train_folds.sh [options] --plan <plan> <folds> <exp>
# where <folds>/<k>/train are data directories with feats.scp; writes <exp>/fold_<k> as steps/train_encoder.sh does.
# Killed and started again, it goes on where each fold was; what is trained is not trained again. Of an ensemble it trains
# the members, each as an experiment of its own, and links them: <exp>/seeds/<seed>.
set -euo pipefail

plan=                 # the experiment's plan: its conf, and the members of an ensemble
conf=                 # the conf (default: that of the plan)
nj=2                  # folds that are trained at once; they share the processors, or the GPU
cmd=                  # job runner (default: cuda_cmd of cmd.sh)
sources=data/augment  # folder of the data directories noise, music, speech and rirs, each optional
device=auto           # auto, cpu or cuda
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 2 ] || die "expected <folds> <exp>, found $# arguments"
folds=$1 exp=$2
if [ -s "$plan/members" ]; then
  [ ! -e "$exp/fold_1" ] || die "$exp is a single training of each fold; give the ensemble another name (--exp)"
  while read -r seed member; do
    "$0" --conf "$plan/seed_$seed.yaml" --nj "$nj" ${cmd:+--cmd "$cmd"} --sources "$sources" \
      --device "$device" "$folds" "$member" </dev/null
    [ -n "${TIMBRE_STATUS:-}" ] || link_beside "$member" "$exp/seeds/$seed"
  done <"$plan/members"
  exit
fi
[ -n "$plan$conf" ] || die "--plan <plan> is missing"
conf=${conf:-$plan/conf.yaml}
[ ! -e "$exp/seeds" ] || die "$exp is an ensemble (--seeds); give another name (--exp)"
mapfile -t parts < <(list_folds "$folds" train)
mapfile -t recordings < <(list_sources "$sources")
mapfile -t models < <(seq -f 'fold_%g/final.pt' "${#parts[@]}")
begin_step train_folds "$exp" --files "${models[@]}" "${parts[@]/#/--data=}" "${recordings[@]/#/--audio=}" --conf "$conf"

count=${#parts[@]}
[ ! -e "$exp/fold_$((count + 1))" ] || die "$exp holds models of more folds than $count; give it another name (--exp)"
[ "$nj" -le "$count" ] || nj=$count
share_processors "$nj"
${cmd:-$cuda_cmd} --max-jobs-run "$nj" "$JOB=1:$count" "$exp/log/train.$JOB.log" \
  "$here/steps/train_encoder.sh" --conf "$conf" --sources "$sources" --device "$device" --cmd "$here/utils/run_local.sh" \
  "$folds/$JOB/train" "$exp/fold_$JOB"
grep -h 'final.pt: ' "$exp"/log/train.*.log
end_step
