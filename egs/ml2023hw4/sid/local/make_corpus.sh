#!/usr/bin/env bash
# A stand-in for the data of the course: local/make_corpus.sh [options] <out>
# speaks a synthetic corpus into <out>/speech and lays its frames out in <out> as the data's are, what is not there yet.
set -euo pipefail

nj=2                   # parallel jobs
conf=conf/corpus.yaml  # how many speakers there are, and how hard they are to tell apart
. utils/parse_options.sh
. ./path.sh

[ $# -eq 1 ] || die "expected <out>, found $# arguments"
speech=$1/speech
utils/make_corpus.sh --nj "$nj" --conf "$conf" "$speech"
timbre prepare --corpus-kind synthetic --corpus "$speech" --out "$speech/data"
steps/make_feats.sh --nj "$nj" --conf conf/logmel.yaml "$speech/data/train"
timbre make-ml2023hw4 --data "$speech/data/train" --out "$1"
