#!/usr/bin/env bash
# Which emotion, or any other label: audio of your own, listed in a table (CSV) with the columns path, speaker, label and,
# if you like, text, session, language, split. Each speaker is tested by a model that was trained on the others; with a
# column split (train, test) one model is trained and tested as it says.
#
#   ./run.sh --table /path/to/my.csv                 paths in it are absolute, or from its folder
#   ./run.sh --table synthetic                       a table of synthetic speech, to try the recipe
#   ./run.sh --conf conf/audionet.yaml --stage 1     another experiment, beside the first
#   utils/compare.sh exp/ecapa_fbank exp/audionet    the same utterances: difference, interval, p
#
# What the tested part shares with the training part, speakers, sessions and texts, stands on each figure. README.md.
set -euo pipefail

conf=conf/ecapa_fbank.yaml  # the experiment; a path from the recipe's folder
set=()                      # override one key of the conf (repeatable): train.epochs=5
seeds=                      # an ensemble of trainings with these seeds, "1 2 3": their probabilities are averaged
normalise=none              # speaker: features by mean and deviation of all that each speaker says; transductive
init=                       # an experiment directory whose model training starts from
exp=                        # experiment directory (default: exp/ and the conf's name with overrides)
table=                      # the table's file, or synthetic; known after the first run
folds=                      # groups of speakers that are tested in turn (default: each alone; of more than ten 5 groups)
nj=2                        # parallel jobs: folds that are trained at once
device=auto                 # auto, cpu or cuda
bad_audio=fail              # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
table=$(from_caller "$table")

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
planning=(--task classification --task fusion --folds true --conf "$conf" "${set[@]/#/--set=}" --seeds "$seeds"
  --normalise "$normalise" --init "$init" --exp "$exp" --baseline conf/mfcc.yaml --functionals conf/functionals.yaml)
plan=$(make_plan "${planning[@]}")
exp=$(planned "$plan" exp)
feats=$(planned "$plan" feats)       # data/<kind, dimension and hash of the front-end, or of the streams>
baseline=$(planned "$plan" baseline) # features of the baselines: MFCC
functionals=$(planned "$plan" functionals)
labels=$(planned "$plan" labels)     # the table of the classes
streams=$(planned "$plan" streams)   # of a fusion
baselines=(majority duration energy statistics_svm statistics_regression functionals_regression joint_regression
  ${streams:+streams_regression})
jobs=(--nj "$nj" --bad-audio "$bad_audio")

if stage 0 "data: the table -> data/all, folds by speakers -> data/folds"; then
  local/prepare_data.sh --folds "$folds" --nj "$nj" --bad-audio "$bad_audio" "$table" data
fi

if stage 1 "features: the conf checked; the models of streams; all -> ark/scp, for models and baselines; folds of both"; then
  steps/check_conf.sh "$plan" data/folds/*/train
  steps/train_front_ends.sh --nj "$nj" --device "$device" "$plan"
  plan=$(make_plan "${planning[@]}") # again: the folder of streams is named by their models
  feats=$(planned "$plan" feats)
  steps/make_inputs.sh "${jobs[@]}" --device "$device" "$plan" data/all data "$feats/all"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/baseline.yaml" data/all "$baseline/all"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/functionals.yaml" data/all "$functionals/all"
  steps/copy_folds.sh --labels "$labels" --also "$baseline/all" --also "$functionals/all" \
    data/folds "$feats/all" "$feats/folds"
  steps/copy_folds.sh --labels "$labels" --also "$feats/all" --also "$functionals/all" \
    data/folds "$baseline/all" "$feats/baseline_folds"
fi

if stage 2 "train: a model on the training part of each fold -> fold_<k>/final.pt"; then
  steps/train_folds.sh --nj "$nj" --plan "$plan" --device "$device" "$feats/folds" "$exp"
fi

if stage 3 "predict: posteriors of each fold's test part, by its model -> test/ and by baselines -> baseline/"; then
  steps/predict_folds.sh "${jobs[@]}" --plan "$plan" --device "$device" "$feats/folds" "$exp"
  steps/predict_baselines.sh "${baselines[@]/#/--baseline=}" --functionals "$functionals/all" \
    ${streams:+--streams "$feats/all"} --labels "$labels" --folds "$feats/baseline_folds" "$exp/baseline"
fi

if stage 4 "score: accuracy, recall and F1 with intervals, against the baselines -> metrics.json"; then
  steps/evaluate_classes.sh --labels "$labels" --folds "$feats/folds" "${baselines[@]/#/--baseline=$exp/baseline/}" \
    "$feats/folds/test" "$exp/test" "$exp"
fi

if stage 5 "report: plots, tables and the conf -> report.html; the model's card -> model_card.md"; then
  steps/make_report.sh --about data/about "$exp"
fi
