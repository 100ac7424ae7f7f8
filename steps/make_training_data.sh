#!/usr/bin/env bash
# Makes the data directory that a plan trains on, from the one that the corpus gave:
#   steps/make_training_data.sh [options] <plan> <data> <out>
# with augmented copies of the audio, then copies at other speeds (as further speakers), then features; each where the
# conf asks for it. Where training computes its frames from the waveforms (train.features: online), <out> has no
# features, and augmentation is training's as well.
set -euo pipefail

sources=data/augment  # folder of the data directories noise, music, speech and rirs, each optional
nj=4                  # parallel jobs
bad_audio=fail        # audio that cannot be used: fail, or skip
allow_pipes=false     # run the commands of wav.scp
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 3 ] || die "expected <plan> <data> <out>, found $# arguments"
plan=$1 data=$2 out=$3
conf=$plan/conf.yaml augmented=$(planned "$plan" augmented) online=$(planned "$plan" online)
options=(--nj "$nj" --bad-audio "$bad_audio" --allow-pipes "$allow_pipes")

if [ -n "$augmented" ]; then
  "$here/steps/augment_data.sh" "${options[@]}" --conf "$conf" --sources "$sources" "$data" "$augmented"
  data=$augmented
fi
speeds=$(planned "$plan" speeds)
if [ -n "$speeds" ]; then
  copies=$out
  [ "$online" = true ] || copies=${out}_audio
  "$here/steps/add_speed_copies.sh" "$data" "$copies" "$speeds"
  data=$copies
elif [ "$online" = true ]; then
  "$here/steps/add_speed_copies.sh" "$data" "$out" ""
fi
[ "$online" = true ] || "$here/steps/make_feats.sh" "${options[@]}" --conf "$conf" "$data" "$out"
