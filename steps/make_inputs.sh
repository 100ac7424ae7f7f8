#!/usr/bin/env bash
# Makes what a plan's model takes, of a data directory: features (steps/make_feats.sh), or the streams of a fusion
# (steps/make_streams.sh), which lie below <root>; where the plan asks for copies at other speeds, of these too:
#   steps/make_inputs.sh [options] <plan> <data> <root> <out>
set -euo pipefail

nj=2            # parallel jobs
device=auto     # auto, cpu or cuda, for embeddings
bad_audio=fail  # audio that cannot be used: fail, or skip
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 4 ] || die "expected <plan> <data> <root> <out>, found $# arguments"
plan=$1 data=$2 root=$3 out=$4
speeds=$(planned "$plan" speeds)
if [ -n "$speeds" ]; then
  root=$root/speeds_${speeds// /_}
  "$here/steps/add_speed_copies.sh" "$data" "$root/all" "$speeds"
  data=$root/all
fi
if [ -n "$(planned "$plan" streams)" ]; then
  exec "$here/steps/make_streams.sh" --nj "$nj" --device "$device" --bad-audio "$bad_audio" "$plan" "$data" "$root" "$out"
fi
exec "$here/steps/make_feats.sh" --nj "$nj" --bad-audio "$bad_audio" --conf "$plan/conf.yaml" "$data" "$out"
