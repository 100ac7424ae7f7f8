#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <corpus> <data>
# speaks the synthetic corpus, what of it is not there yet, and makes <data>/{train,test} and the list of trials.
set -euo pipefail

nj=2                   # parallel jobs
conf=conf/corpus.yaml  # how many speakers the corpus has, and how hard it is
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <data>, found $# arguments"
corpus=$1 data=$2
utils/make_corpus.sh --nj "$nj" --conf "$conf" "$corpus"
begin_step prepare_data "$data" --edited --files about 'train/*' 'test/*' --corpus "$corpus"
timbre prepare --corpus-kind synthetic --corpus "$corpus" --out "$data"
timbre make-trials --data "$data/test"
end_step
