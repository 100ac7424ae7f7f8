#!/usr/bin/env bash
# The universal phone recogniser (allosaurus): which phones are said, in several languages, learnt from transcripts in
# phonemes. Without speech of yours it learns from synthetic speech, whose phones are known.
#
#   ./run.sh                                      synthetic speech in five languages, a small model
#   ./run.sh --data DIR --test DIR                data directories of yours, with wav.scp, phones and utt2lang
#   ./run.sh --conf conf/large.yaml --stage 1     the published sizes, on a GPU
#
# A tenth of the utterances of the training speakers is kept: the error on voices that training knew, beside that on
# others.
set -euo pipefail

conf=conf/small.yaml    # the experiment; a path from the recipe's folder
set=()                  # override one key of the conf (repeatable): train.epochs=5
init=                   # an experiment directory whose model training starts from
exp=                    # experiment directory (default: exp/ and the conf's name with overrides)
data=                   # a data directory to learn from, with phones and utt2lang (default: synthetic speech)
test=                   # one of other speakers to be measured, with --data
nj=2                    # parallel jobs
ngpu=0                  # processes that share the training on a machine; 0: one
nodes=1                 # machines that share the training
rendezvous=localhost:0  # where they meet: host:port of one of them
device=auto             # auto, cpu or cuda
bad_audio=fail          # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
speech=$(from_caller "$data") others=$(from_caller "$test")
[ -n "$speech" ] || [ -z "$others" ] || die "--test goes with --data: the synthetic speech has a test part of its own"

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
plan=$(make_plan --task phones --train all --conf "$conf" "${set[@]/#/--set=}" --init "$init" --exp "$exp")
exp=$(planned "$plan" exp)
feats=$(planned "$plan" feats) # data/<kind, dimension and hash of the front-end>
train=$(planned "$plan" train) # of it the part to train on

if stage 0 "data: speech with its phones -> data/all; a tenth of it -> data/seen, other speakers -> data/unseen"; then
  local/prepare_data.sh --nj "$nj" --speech "$speech" --others "$others" data
fi

if stage 1 "features: the conf checked; frames to ark/scp, unless they are computed while it trains"; then
  steps/check_conf.sh --ngpu "$ngpu" "$plan" data/all
  steps/make_training_data.sh --nj "$nj" --bad-audio "$bad_audio" "$plan" data/all "$train"
fi

if stage 2 "train: the network, resumable at any time -> final.pt"; then
  steps/train_encoder.sh --conf "$plan/conf.yaml" --device "$device" --ngpu "$ngpu" --nodes "$nodes" \
    --rendezvous "$rendezvous" "$train" "$exp"
fi

if stage 3 "recognise: the phones of voices that training knew -> seen/phones and of others -> unseen/phones"; then
  for part in seen unseen; do
    [ -d "data/$part" ] || continue
    steps/make_feats.sh --nj "$nj" --bad-audio "$bad_audio" --conf "$plan/conf.yaml" "data/$part" "$feats/$part"
    steps/recognise_phones.sh --device "$device" "$exp" "$feats/$part" "$exp/$part"
  done
fi

if stage 4 "score: the phone error rate by language -> metrics.json; how training went -> report.html"; then
  parts=(--part seen)
  [ ! -d data/unseen ] || parts+=(--part unseen)
  steps/evaluate_phones.sh --train "$train" "${parts[@]}" "$feats" "$exp"
  steps/make_report.sh --card false --about data/about "$exp"
fi
