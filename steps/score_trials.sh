#!/usr/bin/env bash
# Scores a trial list by the cosine of embeddings, or by a back-end that train_backends.sh has trained:
#   steps/score_trials.sh [options] <trials> <enrol.scp> <test.scp> <scores>
# writes one line '<enrol> <test> <score>' for each trial, in the order of the trials.
set -euo pipefail

mean=         # cosine: vector subtracted from all embeddings: exp/x/mean.ark
backend=      # a back-end instead of the cosine: plda+asnorm+calibration
backend_dir=  # where it lies: exp/x/backend
num_utts=     # how many utterances made each enrolment, for PLDA: exp/x/test/num_utts.ark
data=         # data directory of the trials, whose durations +quality looks at
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 4 ] || die "expected <trials> <enrol.scp> <test.scp> <scores>, found $# arguments"
trials=$1 enrol=$2 test=$3 scores=$4
require_file "$trials" "the preparation of the corpus (stage 0) makes it"
for scp in "$enrol" "$test"; do
  require_file "$scp" "steps/extract_embeddings.sh (stage 3) makes it"
done
[ -z "$backend_dir" ] || require_file "$backend_dir/backend.json" "steps/train_backends.sh (stage 3) makes it"
timbre score-trials ${mean:+--mean "$mean"} ${backend:+--backend "$backend"} \
  ${backend_dir:+--backend-dir "$backend_dir"} ${num_utts:+--num-utts "$num_utts"} ${data:+--data "$data"} \
  "$trials" "$enrol" "$test" "$scores"
