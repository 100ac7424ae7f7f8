#!/usr/bin/env bash
# Checks that a plan's conf fits the data that it is to train on, by their tables, before anything is computed:
#   steps/check_conf.sh [options] <plan> <data> …
# where <data> are data directories without features, of each fold one; writes <exp>/fit.txt.
set -euo pipefail

backend=()            # what scores (repeatable)
sources=data/augment  # folder of the data directories noise, music, speech and rirs, each optional
ngpu=0                # processes that share the training; 0: one
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -ge 2 ] || die "expected <plan> <data> …, found $# arguments"
plan=$1 data=("${@:2}")
mapfile -t recordings < <(list_sources "$sources")
[ ${#recordings[@]} -gt 0 ] || sources=
begin_step check_conf "$(planned "$plan" exp)" --aside --files fit.txt \
  "${data[@]/#/--data=}" "${recordings[@]/#/--data=}" \
  --conf "$plan/conf.yaml" --keys task labels init speeds augment features encoder train \
  --value backends="${backend[*]}" --value ngpu="$ngpu"
timbre check-conf --conf "$plan/conf.yaml" "${backend[@]/#/--backend=}" ${sources:+--sources "$sources"} \
  --ngpu "$ngpu" "${data[@]}" | tee "$WORK/.fit.txt.$$.tmp"
mv "$WORK/.fit.txt.$$.tmp" "$WORK/fit.txt"
end_step
