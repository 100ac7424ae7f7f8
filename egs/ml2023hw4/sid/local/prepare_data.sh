#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <corpus> <data>
# where <corpus> is the course's Dataset, or synthetic; makes <data>/{train,valid} of the labelled segments, a tenth of each
# speaker's for valid, and <data>/test of the unlabelled ones.
set -euo pipefail

nj=2  # parallel jobs, of a synthetic corpus
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <data>, found $# arguments"
corpus=$1 data=$2
if [ "$corpus" = synthetic ]; then
  corpus=$data/corpus
  local/make_corpus.sh --nj "$nj" "$corpus"
fi
corpus=$(find_corpus "$corpus" "$data" "the course's Dataset (or synthetic)")
begin_step prepare_data "$data" --edited --files about testdata.json mapping.json 'train/*' 'valid/*' 'test/*' \
  --corpus "$corpus"
timbre prepare --corpus-kind ml2023hw4 --corpus "$corpus" --out "$data"
cp "$corpus/testdata.json" "$corpus/mapping.json" "$data/" # the submission answers them
utils/split_utterances.sh --share 0.1 --seed 1 "$data/labelled" "$data/train" "$data/valid"
end_step
