#!/usr/bin/env bash
# Trains an encoder:
#   steps/train_encoder.sh [options] --train <data> <exp>
# writes <exp>/final.pt, conf.yaml, train.log, history.jsonl, tensorboard/; killed and started again, it goes on
# from its last checkpoint to the same weights.
set -euo pipefail

conf=conf/xvector_am.yaml  # the experiment
set=()                     # override one key of the conf: train.epochs=3
train=                     # data directory with feats.scp
device=auto                # auto, cpu or cuda
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 1 ] || die "expected <exp>, found $# arguments"
exp=$1
[ -n "$train" ] || die "--train <data> is missing"
require_file "$conf" "name another with --conf"
require_file "$train/feats.scp" "steps/make_feats.sh (stage 1) makes it"
lock_dir "$exp"
timbre train-encoder --conf "$conf" "${set[@]/#/--set=}" --train "$train" --device "$device" "$exp"
