#!/usr/bin/env bash
# Answers the course's test data: local/make_submission.sh <data> <exp>
# writes <exp>/submission.csv, the most probable speaker of each unlabelled segment.
set -euo pipefail
. utils/step.sh

[ $# -eq 2 ] || die "expected <data> <exp>, found $# arguments"
data=$1 exp=$2
begin_step make_submission "$exp" --files submission.csv --input "$data/testdata.json" --input "$data/mapping.json" \
  --made "$exp/test/posteriors.scp"
timbre make-submission --posteriors "$exp/test" --corpus "$data" --out "$exp/submission.csv"
end_step
