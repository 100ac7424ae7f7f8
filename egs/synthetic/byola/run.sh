#!/usr/bin/env bash
# BYOL-A: an encoder of what an utterance sounds like, learned from audio alone. Without speech of yours it learns from
# synthetic speech that is made here.
#
#   ./run.sh                                              synthetic speech, a small encoder
#   ./run.sh --data DIR                                   a data directory of yours, with wav.scp and utt2spk
#   ./run.sh --data DIR --conf conf/published.yaml        the published sizes, on a GPU
#   ./run.sh --stage 2 --set train.epochs=30              from a stage on, with a key of the conf changed
set -euo pipefail

conf=conf/small.yaml    # the experiment; a path from the recipe's folder
set=()                  # override one key of the conf (repeatable): train.epochs=5
init=                   # an experiment directory whose model training starts from
exp=                    # experiment directory (default: exp/ and the conf's name with overrides)
data=                   # a data directory to learn from, with wav.scp and utt2spk (default: synthetic speech)
nj=2                    # parallel jobs
ngpu=0                  # processes that share the training on a machine; 0: one
nodes=1                 # machines that share the training
rendezvous=localhost:0  # where they meet: host:port of one of them
device=auto             # auto, cpu or cuda
bad_audio=fail          # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
speech=$(from_caller "$data")

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
plan=$(make_plan --task self_supervised --train all --conf "$conf" "${set[@]/#/--set=}" --init "$init" --exp "$exp")
exp=$(planned "$plan" exp)
train=$(planned "$plan" train) # data/<kind, dimension and hash of the front-end>/all

if stage 0 "data: the speech to learn from -> data/all"; then
  steps/prepare_speech.sh --nj "$nj" --speech "$speech" data
fi

if stage 1 "features: the conf checked; frames to ark/scp, unless they are computed while it trains"; then
  steps/check_conf.sh --ngpu "$ngpu" "$plan" data/all
  steps/make_training_data.sh --nj "$nj" --bad-audio "$bad_audio" "$plan" data/all "$train"
fi

if stage 2 "train: the encoder, resumable at any time -> final.pt"; then
  steps/train_encoder.sh --conf "$plan/conf.yaml" --device "$device" --ngpu "$ngpu" --nodes "$nodes" \
    --rendezvous "$rendezvous" "$train" "$exp"
fi

if stage 3 "report: how training went -> report.html"; then
  steps/make_report.sh --card false --about data/about "$exp"
fi
