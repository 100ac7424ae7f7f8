#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <corpus> <data>
# speaks the synthetic corpus, what of it is not there yet, and makes the data directories and the list of trials.
set -euo pipefail

nj=2                   # parallel jobs
conf=conf/corpus.yaml  # how many speakers the corpus has, and how hard it is
. utils/parse_options.sh
. ./path.sh

[ $# -eq 2 ] || die "expected <corpus> <data>, found $# arguments"
utils/make_corpus.sh --nj "$nj" --conf "$conf" "$1"
timbre prepare --corpus-kind synthetic --corpus "$1" --out "$2"
timbre make-trials --data "$2/test"
