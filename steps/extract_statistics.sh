#!/usr/bin/env bash
# Makes the vectors of a baseline that needs no training, mean and standard deviation of the features:
#   steps/extract_statistics.sh --train <train-data> <data> <out>
# writes xvector.{ark,scp} and spk_xvector.{ark,scp} into <out>, normalised per dimension by <train-data>.
set -euo pipefail

train=  # data directory with feats.scp that the normalisation is taken from
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <data> <out>, found $# arguments"
data=$1 out=$2
[ -n "$train" ] || die "--train <train-data> is missing"
for directory in "$train" "$data"; do
  require_file "$directory/feats.scp" "steps/make_feats.sh (stage 1) makes it"
done
timbre extract-statistics --train "$train" --data "$data" --out "$out"
