#!/usr/bin/env bash
# Trains back-ends on the embeddings of the training data:
#   steps/train_backend.sh --backend <name> [options] <exp> <train-data> <embeddings-dir> <backend-dir>
# writes mean.vec, lda.mat, plda, cohort.{ark,scp}, calibration.*.json, as far as the back-ends named need them, for
# steps/score_trials.sh. A name is <base>[+snorm|+asnorm][+calibration|+quality], the base cosine, lda, plda or lda_plda.
set -euo pipefail

backend=()  # a back-end to train for: plda+asnorm+calibration
lda_dim=    # dimensions that LDA leaves (default: 150, or as many as there can be)
top=300     # cohort speakers that AS-norm looks at
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 4 ] || die "expected <exp> <train-data> <embeddings-dir> <backend-dir>, found $# arguments"
exp=$1 data=$2 embeddings=$3 out=$4
[ ${#backend[@]} -gt 0 ] || die "--backend <name> is missing"
require_file "$exp/final.pt" "steps/train_encoder.sh (stage 2) makes it"
require_file "$data/utt2spk" "the preparation of the corpus (stage 0) makes it"
require_file "$embeddings/xvector.scp" "steps/extract_embeddings.sh (stage 3) makes it"
lock_dir "$out"
timbre train-backend "${backend[@]/#/--backend=}" ${lda_dim:+--lda-dim "$lda_dim"} --top "$top" \
  "$exp" "$data" "$embeddings" "$out"
