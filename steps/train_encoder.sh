#!/usr/bin/env bash
# Trains an encoder:
#   steps/train_encoder.sh [options] --train <data> <exp>
# writes <exp>/final.pt, conf.yaml, train.log, history.jsonl, tensorboard/; killed and started again, it goes on
# from its last checkpoint to the same weights. With --ngpu 4 torchrun starts four processes that share each batch
# (on GPUs, or on the CPU with --device cpu); with --nodes 2 --rendezvous first-node:29400 the same command is given
# on each of two machines that see the same files.
set -euo pipefail

conf=conf/xvector_am.yaml  # the experiment
set=()                     # override one key of the conf: train.epochs=3
train=                     # data directory; with feats.scp, unless the conf trains online
allow_pipes=false          # run the commands of wav.scp (online)
sources=                   # folder of the data directories noise, music, speech and rirs, for augmentation online
device=auto                # auto, cpu or cuda
ngpu=0                     # processes of torchrun on this machine; 0: one, without it
nodes=1                    # machines
rendezvous=localhost:0     # where the machines meet: host:port of one of them
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 1 ] || die "expected <exp>, found $# arguments"
exp=$1
[ -n "$train" ] || die "--train <data> is missing"
require_file "$conf" "name another with --conf"
require_file "$train/utt2spk" "steps/make_feats.sh (stage 1) makes it"
[ "$nodes" -gt 1 ] || lock_dir "$exp" # several machines work in it together
timbre train-encoder --conf "$conf" "${set[@]/#/--set=}" --train "$train" --device "$device" \
  --allow-pipes "$allow_pipes" ${sources:+--sources "$sources"} --ngpu "$ngpu" --nodes "$nodes" \
  --rendezvous "$rendezvous" "$exp"
