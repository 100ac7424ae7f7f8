#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <corpus> <data>
# makes <data>/{train,test} as the corpus divides them, and the list of trials.
set -euo pipefail

download=  # a folder to download the corpus into
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <data>, found $# arguments"
data=$2
if [ -n "$download" ]; then
  steps/download_corpus.sh speechocean762 "$download"
  set -- "$download/speechocean762" "$data"
fi
corpus=$(corpus_of "$1" "$data" "--corpus DIR or --download DIR is missing: where the corpus is, or is to be fetched")
begin_step prepare_data "$data" --edited --files about 'train/*' 'test/*' --corpus "$corpus"
timbre prepare --corpus-kind speechocean762 --corpus "$corpus" --out "$data"
timbre make-trials --data "$data/test"
end_step
