#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <corpus> <data>
# puts the corpus's parts together and keeps a quarter of each speaker's utterances for the test: <data>/{train,test}.
set -euo pipefail

download=  # a folder to download the corpus into
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <data>, found $# arguments"
data=$2
corpus=$(find_corpus --kind speechocean762 --download "$download" --inside speechocean762 "$1" "$data/parts" speechocean762)
begin_step prepare_data "$data" --edited --files about 'train/*' 'test/*' --corpus "$corpus"
timbre prepare --corpus-kind speechocean762 --corpus "$corpus" --out "$data/parts"
utils/combine_data.sh "$data/all" "$data/parts/train" "$data/parts/test"
utils/split_utterances.sh --share 0.25 --seed 1 "$data/all" "$data/train" "$data/test"
cp "$data/parts/about" "$data/about"
end_step
