#!/usr/bin/env bash
# Makes the streams of a fusion's plan, each once for a data directory and what extracts it:
#   steps/make_streams.sh [options] <plan> <data> <root> <out>
# writes each stream's frames to <root>/<kind, dimension, hash>/all, the embeddings of one that has a model to
# <root>/vectors-<hash>/all, and the data directory <out> with feats_<name>.scp and vectors_<name>.scp of all of them.
set -euo pipefail

nj=2            # parallel jobs
device=auto     # auto, cpu or cuda, for embeddings
bad_audio=fail  # audio that cannot be used: fail, or skip
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 4 ] || die "expected <plan> <data> <root> <out>, found $# arguments"
plan=$1 data=$2 root=$3 out=$4
[ -e "$plan/streams" ] || [ -n "${TIMBRE_STATUS:-}" ] || die "$plan/streams: no such file; are the models of all streams there?"
streams=() reads=()
while read -r name frames vectors model; do
  "$here/steps/make_feats.sh" --nj "$nj" --bad-audio "$bad_audio" --conf "$plan/stream_$name.yaml" \
    "$data" "$root/$frames/all" </dev/null
  stream=$name=$root/$frames/all
  reads+=(--data "$root/$frames/all")
  if [ "$model" != - ]; then
    "$here/steps/extract_embeddings.sh" --nj "$nj" --device "$device" --bad-audio "$bad_audio" \
      "$model" "$root/$frames/all" "$root/$vectors/all" </dev/null
    stream+=,$root/$vectors/all
    reads+=(--made "$root/$vectors/all/xvector.scp")
  fi
  streams+=(--stream "$stream")
done < <(cat "$plan/streams" 2>/dev/null)
begin_step join_streams "$out" --by-content --keep --data "$data" "${reads[@]}"
mapfile -t by_speaker <"$plan/by_speaker"
timbre join-streams "${streams[@]}" "${by_speaker[@]/#/--by-speaker=}" "$data" "$WORK"
end_step
