#!/usr/bin/env bash
# Makes the vectors of a baseline that needs no training, mean and standard deviation of the features:
#   steps/extract_statistics.sh <train-data> <data> <out>
# writes xvector.{ark,scp} and spk_xvector.{ark,scp} of <data> into <out>, normalised per dimension by <train-data>.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 3 ] || die "expected <train-data> <data> <out>, found $# arguments"
train=$1 data=$2 out=$3
begin_step extract_statistics "$out" --data "$train" --data "$data"
timbre extract-statistics --train "$train" --data "$data" --out "$WORK"
end_step
