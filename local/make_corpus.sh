#!/usr/bin/env bash
# Speaks the synthetic corpus in parallel jobs: local/make_corpus.sh [--nj N] <dir>
# Utterances that are there are kept, so that it can be interrupted.
set -euo pipefail

nj=2                   # parallel jobs
conf=conf/corpus.yaml  # what differs from the corpus's defaults
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh

[ $# -eq 1 ] || die "expected <dir>, found $# arguments"
$train_cmd JOB=1:"$nj" "$1/log/speak.JOB.log" \
  timbre make-synthetic-corpus --dir "$1" --conf "$conf" --job JOB --num-jobs "$nj"
