#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <corpus> <data>
# makes <data>/{train,test} as the corpus divides them, and the list of trials.
set -euo pipefail

download=  # a folder to download the corpus into
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <data>, found $# arguments"
data=$2
corpus=$(find_corpus --kind speechocean762 --download "$download" --inside speechocean762 "$1" "$data" speechocean762)
begin_step prepare_data "$data" --edited --files about 'train/*' 'test/*' --corpus "$corpus"
timbre prepare --corpus-kind speechocean762 --corpus "$corpus" --out "$data"
timbre make-trials --data "$data/test"
end_step
