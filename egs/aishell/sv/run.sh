#!/usr/bin/env bash
# Speaker verification on AISHELL-1 (OpenSLR 33, Apache-2.0): Mandarin read by 400 people, 340 to train and 20 to
# test. Free, 15 GB. Three protocols, each with data and experiments of its own:
#   lab   300 speakers × 10 utterances to train, the 20 test speakers × 10 in all pairs and in a balanced list
#   full  all training speakers; 20 models of 3 utterances against the 7,116 others
#   hard  as full, but models of one utterance against tests of 2 s, of the same gender
#
#   ./run.sh --corpus /path/to/aishell              the folder that holds data_aishell and resource_aishell
#   ./run.sh --download /path/to/corpora            fetch it first, or go on fetching it
#   ./run.sh --corpus synthetic                     synthetic speech laid out like it, to try the recipe
#   ./run.sh --conf conf/ecapa_aam.yaml --stage 1   another experiment, beside the first
#   ./run.sh --protocol hard --corpus DIR --backend cosine --backend lda_plda
#
# EER % of others on the full protocol: 0.1405, Kaldi's i-vector and PLDA (10 of 7,116 targets). Ours: RESULTS.md.
set -euo pipefail

protocol=lab                        # lab, full or hard
conf=conf/xvector_gap_softmax.yaml  # the experiment; a path from the recipe's folder
set=()                              # override one key of the conf (repeatable): train.epochs=5
init=                               # an experiment directory whose model training starts from
exp=                                # experiment directory (default: exp/<protocol>/ and the conf with overrides)
backend=()                          # what scores (repeatable; default cosine): lda_plda, cosine+asnorm
corpus=                             # the corpus's folder, or synthetic; known after the first run
download=                           # a folder to download the corpus into, resumed if it was interrupted
nj=2                                # parallel jobs
ngpu=0                              # processes that share the training on a machine; 0: one
nodes=1                             # machines that share the training
rendezvous=localhost:0              # where they meet: host:port of one of them
device=auto                         # auto, cpu or cuda
bad_audio=fail                      # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
corpus=$(from_caller "$corpus") download=$(from_caller "$download")
[[ $protocol =~ ^(lab|full|hard)$ ]] || die "--protocol takes lab, full or hard, found '$protocol'"
data=data/$protocol

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
plan=$(make_plan --conf "$conf" "${set[@]/#/--set=}" --init "$init" --exp "$exp" --expdir "exp/$protocol" \
  --data "$data" --baseline conf/mfcc.yaml "${backend[@]/#/--backend=}")
exp=$(planned "$plan" exp)
feats=$(planned "$plan" feats)       # data/<protocol>/<kind, dimension and hash of the front-end>
train=$(planned "$plan" train)       # of it the part to train on, with copies if the conf asks for them
baseline=$(planned "$plan" baseline) # features of the untrained baseline
jobs=(--nj "$nj" --bad-audio "$bad_audio")

if stage 0 "data: the corpus -> data/<protocol>/{train,test} and the lists of trials"; then
  local/prepare_data.sh --nj "$nj" --protocol "$protocol" --download "$download" "$corpus" "$data"
fi

if stage 1 "features: the conf checked; train, test -> ark/scp, for encoder and baseline"; then
  steps/check_conf.sh "${backend[@]/#/--backend=}" --ngpu "$ngpu" "$plan" "$data/train"
  steps/make_training_data.sh "${jobs[@]}" "$plan" "$data/train" "$train"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/conf.yaml" "$data/test" "$feats/test"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/baseline.yaml" --most 5000 "$data/train" "$baseline/train_most_5000"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/baseline.yaml" "$data/test" "$baseline/test"
fi

if stage 2 "train: the encoder on random crops of the training features -> final.pt"; then
  steps/train_encoder.sh --conf "$plan/conf.yaml" --device "$device" --ngpu "$ngpu" --nodes "$nodes" \
    --rendezvous "$rendezvous" "$train" "$exp"
fi

if stage 3 "embed: whole test utterances -> test/xvector.scp; the baseline's statistics -> baseline/xvector.scp"; then
  steps/extract_embeddings.sh "${jobs[@]}" --device "$device" "$exp" "$feats/test" "$exp/test"
  steps/train_backends.sh "${jobs[@]}" --device "$device" "$plan" "$data/train" "$data/test" "$exp"
  steps/extract_statistics.sh "$baseline/train_most_5000" "$baseline/test" "$exp/baseline"
fi

if stage 4 "score: every trial by every back-end -> scores; EER and minDCF with intervals -> metrics.json"; then
  steps/score_lists.sh "${backend[@]/#/--backend=}" "$feats/test" "$data/test" "$exp"
fi

if stage 5 "report: plots, tables and the conf -> report.html; the model's card -> model_card.md"; then
  steps/make_report.sh --about "$data/about" "$exp"
fi
