#!/usr/bin/env bash
# Trains the back-ends of a plan that are trained (lda_plda, cosine+asnorm …), on embeddings of the training data:
#   steps/train_backends.sh [options] <plan> <data> <test-data> <exp>
# makes features of <data> and embeds them into <exp>/train; a calibration is for models of as many utterances as
# those of <test-data>/enrol, or for single ones; writes mean.vec, lda.mat, plda, cohort.{ark,scp},
# calibration.*.json, as far as they are needed, into <exp>/backend. A name is <base>[+snorm|+asnorm][+calibration|+quality],
# the base cosine, lda, plda or lda_plda. Nothing is done for the plain cosine.
set -euo pipefail

lda_dim=           # dimensions that LDA leaves (default: 150, or as many as there can be)
top=300            # cohort speakers that AS-norm looks at
nj=4               # parallel jobs
device=auto        # auto, cpu or cuda
bad_audio=fail     # audio that cannot be used: fail, or skip
allow_pipes=false  # run the commands of wav.scp
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 4 ] || die "expected <plan> <data> <test-data> <exp>, found $# arguments"
plan=$1 data=$2 enrol=$3/enrol exp=$4
[ -e "$enrol" ] || enrol=
read -ra backends < <(planned "$plan" trained_backends) || exit 0 # none

feats=$(planned "$plan" feats)/${data##*/}
options=(--nj "$nj" --bad-audio "$bad_audio")
"$here/steps/make_feats.sh" "${options[@]}" --allow-pipes "$allow_pipes" --conf "$plan/conf.yaml" "$data" "$feats"
"$here/steps/extract_embeddings.sh" "${options[@]}" --device "$device" "$exp" "$feats" "$exp/train"
begin_step train_backends "$exp/backend" --input "$exp/final.pt" --data "$feats" --made "$exp/train/xvector.scp" \
  ${enrol:+--input "$enrol"} \
  --value backends="${backends[*]}" --value lda_dim="$lda_dim" --value top="$top"
timbre train-backend "${backends[@]/#/--backend=}" ${lda_dim:+--lda-dim "$lda_dim"} --top "$top" ${enrol:+--enrol "$enrol"} \
  "$exp" "$feats" "$exp/train" "$WORK"
end_step
