#!/usr/bin/env bash
# Trains an encoder:
#   steps/train_encoder.sh [options] <data> <exp>
# writes <exp>/final.pt, conf.yaml, train.log, history.jsonl, tensorboard/; killed and started again, it goes on from its
# last checkpoint to the same weights. With --ngpu 4 torchrun starts four processes that share each batch (on GPUs, or
# on the CPU with --device cpu); with --nodes 2 --rendezvous first-node:29400 the same command is given on each of two
# machines that see the same files.
set -euo pipefail

conf=conf/xvector_am.yaml  # the experiment
allow_pipes=false          # run the commands of wav.scp, where training computes its frames
sources=data/augment       # folder of the data directories noise, music, speech and rirs, each optional
trust_features=false       # take features that do not say which front-end made them: they fit the conf
device=auto                # auto, cpu or cuda
ngpu=0                     # processes of torchrun on a machine; 0: one, without it
nodes=1                    # machines
rendezvous=localhost:0     # where the machines meet: host:port of one of them
cmd=                       # job runner (default: cuda_cmd of cmd.sh)
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 2 ] || die "expected <data> <exp>, found $# arguments"
data=$1 exp=$2
reads=(--audio "$data")
if compgen -G "$data/feats*.scp" >/dev/null; then reads=(--data "$data"); fi
mapfile -t recordings < <(list_sources "$sources")
[ ${#recordings[@]} -gt 0 ] || sources=
log=$exp/log/train.log
if [ "$nodes" -gt 1 ]; then # several machines work in it together
  STEP_LOCK=--shared log=$exp/log/train.$(uname -n).log
fi
begin_step train_encoder "$exp" --resumable --files final.pt conf.yaml \
  --beside differences.yaml train_data.sha256 checkpoint.pt checkpoint_before.pt steps_done 'epoch_*.pt' mean.ark mean.scp \
  history.jsonl train.log tensorboard "${reads[@]}" "${recordings[@]/#/--audio=}" --conf "$conf"

gpu=()
[ "$ngpu" -eq 0 ] || gpu=(--gpu "$ngpu")
${cmd:-$cuda_cmd} "${gpu[@]}" "$log" \
  timbre train-encoder --conf "$conf" --train "$data" --device "$device" --allow-pipes "$allow_pipes" \
  ${sources:+--sources "$sources"} --trust-features "$trust_features" --ngpu "$ngpu" --nodes "$nodes" \
  --rendezvous "$rendezvous" "$exp"
if ! grep 'final.pt: ' "$log" && [ "$nodes" -gt 1 ]; then # the first machine says it, and ends the step
  lock_again
  require_file "$exp/train_encoder.record.json" "the first machine writes it when training has ended well; see its log"
  exit 0
fi
end_step
