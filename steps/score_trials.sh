#!/usr/bin/env bash
# Scores a trial list by the cosine of embeddings:
#   steps/score_trials.sh [options] <trials> <enrol.scp> <test.scp> <scores>
# writes one line '<enrol> <test> <score>' for each trial, in the order of the trials.
set -euo pipefail

mean=  # vector subtracted from all embeddings: exp/x/mean.ark
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 4 ] || die "expected <trials> <enrol.scp> <test.scp> <scores>, found $# arguments"
trials=$1 enrol=$2 test=$3 scores=$4
require_file "$trials" "the preparation of the corpus (stage 0) makes it"
for scp in "$enrol" "$test"; do
  require_file "$scp" "steps/extract_embeddings.sh (stage 3) makes it"
done
timbre score-trials ${mean:+--mean "$mean"} "$trials" "$enrol" "$test" "$scores"
