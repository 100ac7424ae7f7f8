#!/usr/bin/env bash
# Who of 250 known speakers is talking: speechocean762 (OpenSLR 101, CC BY 4.0), non-native read English. Free, 0.5 GB.
# A quarter of each speaker's utterances is kept for the test. A speaker was recorded in one session, so the test has
# the channel of the training, too: the figures flatter.
#
#   ./run.sh --corpus /path/to/speechocean762       the folder that holds WAVE, train and test
#   ./run.sh --download /path/to/corpora            fetch it first, or go on fetching it
#   ./run.sh --conf conf/conformer_sap_am.yaml --stage 1   another experiment, beside the first
#   utils/ablation.sh conf/conformer_{boss,sap,am,sap_am}.yaml -- --corpus /path/to/speechocean762
#
# Accuracies: RESULTS.md.
set -euo pipefail

conf=conf/transformer_simple.yaml  # the experiment; a path from the recipe's folder
set=()                             # override one key of the conf (repeatable): train.epochs=5
init=                              # an experiment directory whose model training starts from
exp=                               # experiment directory (default: exp/ and the conf's name with overrides)
corpus=                            # the corpus's folder; known after the first run
download=                          # a folder to download the corpus into, resumed if it was interrupted
nj=2                               # parallel jobs
ngpu=0                             # processes that share the training on a machine; 0: one
nodes=1                            # machines that share the training
rendezvous=localhost:0             # where they meet: host:port of one of them
device=auto                        # auto, cpu or cuda
bad_audio=fail                     # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
corpus=$(from_caller "$corpus") download=$(from_caller "$download")

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
plan=$(make_plan --task classification --conf "$conf" "${set[@]/#/--set=}" --init "$init" --exp "$exp")
exp=$(planned "$plan" exp)
feats=$(planned "$plan" feats)   # data/<kind, dimension and hash of the front-end>
train=$(planned "$plan" train)   # of it the part to train on, with copies if the conf asks for them
labels=$(planned "$plan" labels) # the table of the classes
jobs=(--nj "$nj" --bad-audio "$bad_audio")

if stage 0 "data: the corpus, its parts put together and split within the speakers -> data/train, data/test"; then
  local/prepare_data.sh --download "$download" "$corpus" data
fi

if stage 1 "features: the conf checked; data/train, data/test -> ark/scp"; then
  steps/check_conf.sh --ngpu "$ngpu" "$plan" data/train
  steps/make_training_data.sh "${jobs[@]}" "$plan" data/train "$train"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/conf.yaml" data/train "$feats/train" # for the baselines
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/conf.yaml" data/test "$feats/test"
fi

if stage 2 "train: encoder and classes on random crops of the training features -> final.pt"; then
  steps/train_encoder.sh --conf "$plan/conf.yaml" --device "$device" --ngpu "$ngpu" --nodes "$nodes" \
    --rendezvous "$rendezvous" "$train" "$exp"
fi

if stage 3 "predict: posteriors of whole utterances, by the model -> test/ and by baselines -> baseline/"; then
  steps/predict.sh "${jobs[@]}" --device "$device" "$exp" "$feats/test" "$exp/test"
  steps/predict_baselines.sh --baseline majority --baseline statistics_lda --labels "$labels" \
    --train "$feats/train" "$feats/test" "$exp/baseline"
fi

if stage 4 "score: accuracy with its interval, against the baselines; who is taken for whom -> metrics.json"; then
  steps/evaluate_classes.sh --labels "$labels" --train "$feats/train" --baseline "$exp/baseline/majority" \
    --baseline "$exp/baseline/statistics_lda" "$feats/test" "$exp/test" "$exp"
fi

if stage 5 "report: plots, tables and the conf -> report.html; the model's card -> model_card.md"; then
  steps/make_report.sh --about data/about "$exp"
fi
