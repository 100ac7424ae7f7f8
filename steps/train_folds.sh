#!/usr/bin/env bash
# Trains a model on each fold, folds as jobs:
#   steps/train_folds.sh [options] <folds> <exp>
# where <folds>/<k>/train are data directories with feats.scp; writes <exp>/fold_<k> as steps/train_encoder.sh does.
# Killed and started again, it goes on where each fold was; what is trained is not trained again.
set -euo pipefail

conf=conf/ecapa_fbank.yaml  # the experiment
set=()                      # override one key of the conf: train.epochs=3
nj=2                        # folds that are trained at once; they share the processors, or the GPU
cmd=                        # job runner (default: train_cmd of cmd.sh)
sources=                    # folder of the data directories noise, music, speech and rirs, for augmentation online
device=auto                 # auto, cpu or cuda
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -eq 2 ] || die "expected <folds> <exp>, found $# arguments"
folds=$1 exp=$2
require_file "$folds/1/train/utt2spk" "timbre copy-folds (stage 1) makes it"
count=$(count_folds "$folds")
[ ! -e "$exp/fold_$((count + 1))" ] || die "$exp holds models of more folds than $count; give it another name (--exp)"
[ "$nj" -le "$count" ] || nj=$count
options=(--conf "$conf" --sources "$sources" --device "$device")
for setting in "${set[@]}"; do options+=(--set "$setting"); done
share_processors "$nj"
${cmd:-$train_cmd} --max-jobs-run "$nj" JOB=1:"$count" "$exp/log/train.JOB.log" \
  "$here/steps/train_encoder.sh" "${options[@]}" --train "$folds/JOB/train" "$exp/fold_JOB"
grep -h 'final.pt: ' "$exp"/log/train.*.log
