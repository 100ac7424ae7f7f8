#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <corpus> <data>
# where <corpus> is a folder, or synthetic; makes <data>/{train,test} and the lists of trials of a protocol.
set -euo pipefail

protocol=lab  # lab, full or hard
download=     # a folder to download the corpus into
nj=2          # parallel jobs, of a synthetic corpus
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <data>, found $# arguments"
corpus=$1 data=$2
if [ "$corpus" = synthetic ]; then
  corpus=data/corpus
  utils/make_corpus.sh --nj "$nj" --layout aishell --conf conf/corpus.yaml "$corpus"
elif [ -n "$download" ]; then
  corpus=$download
  steps/download_corpus.sh aishell "$download"
fi
corpus=$(corpus_of "$corpus" "$data" "--corpus DIR or --download DIR is missing: where the corpus is, or is to be fetched")
begin_step prepare_data "$data" --edited --files about 'train/*' 'test/*' --corpus "$corpus" --value protocol="$protocol"
timbre prepare --corpus-kind aishell --corpus "$corpus" --option protocol="$protocol" --out "$data"
end_step
