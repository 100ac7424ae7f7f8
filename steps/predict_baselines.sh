#!/usr/bin/env bash
# Classifies utterances by baselines that need no training of a model, class shares and LDA of frame statistics:
#   steps/predict_baselines.sh [options] --train <train-data> <data> <out>
# writes posteriors.{ark,scp} and classes into <out>/majority and <out>/statistics_lda.
set -euo pipefail

train=          # data directory with labels and feats.scp to learn from
labels=utt2spk  # the table of the classes in the training part
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <data> <out>, found $# arguments"
data=$1 out=$2
[ -n "$train" ] || die "--train <train-data> is missing"
for directory in "$train" "$data"; do
  require_file "$directory/feats.scp" "steps/make_feats.sh (stage 1) makes it"
done
timbre predict-baselines --train "$train" --data "$data" --labels "$labels" "$out"
