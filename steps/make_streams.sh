#!/usr/bin/env bash
# Makes the streams of a fusion's conf, each once for a data directory and what extracts it:
#   steps/make_streams.sh [options] <data> <root> <streams-data>
# writes each stream's frames to <root>/<kind, dimension, hash>/all, the embeddings of one that has a model to
# <root>/vectors-<hash>/all, and <streams-data> with feats_<name>.scp and vectors_<name>.scp of all of them.
set -euo pipefail

conf=conf/fusion.yaml  # the experiment
set=()                 # override one key of the conf
nj=2                   # parallel jobs
device=auto            # auto, cpu or cuda, for embeddings
bad_audio=fail         # audio that cannot be used: fail, or skip
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 3 ] || die "expected <data> <root> <streams-data>, found $# arguments"
data=$1 root=$2 out=$3
require_file "$data/wav.scp" "the preparation of the corpus (stage 0) makes it"
overrides=()
for setting in "${set[@]}"; do overrides+=(--set "$setting"); done
described=$(timbre describe-streams --conf "$conf" "${overrides[@]}")
streams=()
while read -r name frames vectors model; do
  "$here/steps/make_feats_dir.sh" --nj "$nj" --bad-audio "$bad_audio" --conf "$conf" "${overrides[@]}" --stream "$name" \
    "$data" "$root/$frames/all" < /dev/null
  stream=$name=$root/$frames/all
  if [ "$model" != - ]; then
    if [ "$root/$vectors/all/xvector.scp" -nt "$root/$frames/all/feats.scp" ]; then
      echo "$root/$vectors/all: vectors are up to date"
    else
      "$here/steps/extract_embeddings.sh" --nj "$nj" --device "$device" --bad-audio "$bad_audio" \
        "$model" "$root/$frames/all" "$root/$vectors/all" < /dev/null
    fi
    stream+=,$root/$vectors/all
  fi
  streams+=(--stream "$stream")
done <<< "$described"
timbre join-streams "${streams[@]}" "$data" "$out"
