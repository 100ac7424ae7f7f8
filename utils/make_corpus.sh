#!/usr/bin/env bash
# Speaks a synthetic corpus in parallel jobs: utils/make_corpus.sh [--layout CORPUS] [--conf YAML] <dir>
# Utterances that are there are kept, so that it can be interrupted.
set -euo pipefail

nj=2              # parallel jobs
layout=synthetic  # the corpus whose files it is laid out like: speechocean762, aishell, voxceleb, tess, emodb, ravdess, iemocap, shemo, cafe; csv_table, csv_speakers, polyglot
conf=             # what differs from the layout's defaults
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 1 ] || die "expected <dir>, found $# arguments"
begin_step make_corpus "$1" --files '**/*' --value layout="$layout" ${conf:+--conf "$conf"}
$train_cmd "$JOB=1:$nj" "$1/log/speak.$JOB.log" \
  timbre make-synthetic-corpus --dir "$1" --layout "$layout" ${conf:+--conf "$conf"} --job "$JOB" --num-jobs "$nj"
end_step
