#!/usr/bin/env bash
# A stand-in for the data of the course: local/make_corpus.sh [options] <out>
# speaks a synthetic corpus into <out>_speech/corpus and lays its frames out in <out> as the data's are, what is not there yet.
set -euo pipefail

nj=2                   # parallel jobs
conf=conf/corpus.yaml  # how many speakers there are, and how hard they are to tell apart
. utils/step.sh

[ $# -eq 1 ] || die "expected <out>, found $# arguments"
out=$1 speech=$1_speech
utils/make_corpus.sh --nj "$nj" --conf "$conf" "$speech/corpus"
local/prepare_speech.sh "$speech/corpus" "$speech/data"
steps/make_feats.sh --nj "$nj" --conf conf/logmel.yaml "$speech/data/train" "$speech/feats"
begin_step make_ml2023hw4 "$out" --data "$speech/feats"
timbre make-ml2023hw4 --data "$speech/feats" --out "$WORK"
end_step
