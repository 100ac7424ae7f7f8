#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <corpus> <data>
# where <corpus> is a folder, or synthetic; makes <data>/{train,test} and the lists of trials of a protocol.
set -euo pipefail

protocol=lab  # lab, full or hard
download=     # a folder to download the corpus into
nj=2          # parallel jobs, of a synthetic corpus
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <data>, found $# arguments"
data=$2
corpus=$(find_corpus --layout aishell --kind aishell --download "$download" "$1" "$data" AISHELL-1)
begin_step prepare_data "$data" --edited --files about 'train/*' 'test/*' --corpus "$corpus" --value protocol="$protocol"
timbre prepare --corpus-kind aishell --corpus "$corpus" --option protocol="$protocol" --out "$data"
end_step
