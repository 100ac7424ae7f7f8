#!/usr/bin/env bash
# Who of 600 known speakers is talking: the data of homework 4 of the course Machine Learning 2023 at National Taiwan
# University, 56,666 labelled and 4,000 unlabelled segments of VoxCeleb2 as 40 log mel energies, no audio. A tenth of
# the labelled segments is kept for the accuracy; the unlabelled ones end in submission.csv.
#
#   ./run.sh --corpus /path/to/Dataset              metadata.json, testdata.json, mapping.json and the .pt files
#   ./run.sh --corpus synthetic                     the same files of synthetic speech, to try the recipe
#   ./run.sh --conf conf/conformer_sap_am.yaml --stage 1   another experiment, beside the first
#   utils/ablation.sh conf/conformer_{boss,sap,am,sap_am}.yaml -- --corpus /path/to/Dataset
#
# Published accuracies stand in the confs and in published.yaml; ours in RESULTS.md.
set -euo pipefail

conf=conf/transformer_simple.yaml  # the experiment; a path from the recipe's folder
set=()                             # override one key of the conf (repeatable): train.epochs=5
init=                              # an experiment directory whose model training starts from
exp=                               # experiment directory (default: exp/ and the conf's name with overrides)
corpus=                            # the corpus's folder, or synthetic; known after the first run
nj=2                               # parallel jobs
ngpu=0                             # processes that share the training on a machine; 0: one
nodes=1                            # machines that share the training
rendezvous=localhost:0             # where they meet: host:port of one of them
device=auto                        # auto, cpu or cuda
bad_audio=fail                     # a feature file that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
corpus=$(from_caller "$corpus")

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
plan=$(make_plan --task classification --conf "$conf" "${set[@]/#/--set=}" --init "$init" --exp "$exp")
exp=$(planned "$plan" exp)
feats=$(planned "$plan" feats)   # data/<kind, dimension and hash of the front-end>
train=$(planned "$plan" train)   # of it the part to train on, with copies if the conf asks for them
labels=$(planned "$plan" labels) # the table of the classes
jobs=(--nj "$nj" --bad-audio "$bad_audio")

if stage 0 "data: the corpus, a tenth of each speaker's segments for the accuracy -> data/{train,valid,test}"; then
  local/prepare_data.sh --nj "$nj" "$corpus" data
fi

if stage 1 "features: the conf checked; data/train, data/valid, data/test -> ark/scp"; then
  steps/check_conf.sh --ngpu "$ngpu" "$plan" data/train
  steps/make_training_data.sh "${jobs[@]}" "$plan" data/train "$train"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/conf.yaml" data/train "$feats/train"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/conf.yaml" data/valid "$feats/valid"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/conf.yaml" data/test "$feats/test"
fi

if stage 2 "train: encoder and classes on random crops of the training features -> final.pt"; then
  steps/train_encoder.sh --conf "$plan/conf.yaml" --device "$device" --ngpu "$ngpu" --nodes "$nodes" \
    --rendezvous "$rendezvous" "$train" "$exp"
fi

if stage 3 "predict: posteriors of whole utterances, by the model -> valid/ and by baselines -> baseline/"; then
  steps/predict.sh "${jobs[@]}" --device "$device" "$exp" "$feats/valid" "$exp/valid"
  steps/predict.sh "${jobs[@]}" --device "$device" "$exp" "$feats/test" "$exp/test"
  steps/predict_baselines.sh --baseline majority --baseline statistics_lda --labels "$labels" \
    --train "$feats/train" "$feats/valid" "$exp/baseline"
fi

if stage 4 "score: accuracy with its interval, against the baselines; who is taken for whom -> metrics.json"; then
  steps/evaluate_classes.sh --labels "$labels" --train "$feats/train" --baseline "$exp/baseline/majority" \
    --baseline "$exp/baseline/statistics_lda" "$feats/valid" "$exp/valid" "$exp"
fi

if stage 5 "report: plots, tables and the conf -> report.html; the model's card -> model_card.md"; then
  steps/make_report.sh --about data/about "$exp"
fi

if stage 6 "submission: the most probable speaker of each unlabelled segment -> submission.csv"; then
  local/make_submission.sh data "$exp"
fi
