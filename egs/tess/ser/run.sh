#!/usr/bin/env bash
# Which emotion: TESS, the Toronto emotional speech set (CC BY-NC-ND 4.0), two actresses, "Say the word …" with 200
# words in seven emotions. Four protocols, each with data and experiments of its own:
#   exercise       the younger actress happy or sad, 30 % of each tested: a course's exercise, which reported 89.17 %
#   word_disjoint  both actresses, all seven emotions, no word in both parts
#   cross_speaker  all seven; trained on one actress and tested on the other, both ways
#   seven_class    all seven, 30 % of each tested, whatever the actress and the word
# Only in cross_speaker is the speaker unknown to training; what each has in common is found and stamped on its figures.
#
#   ./run.sh --corpus /path/to/TESS                       any of the circulating copies
#   ./run.sh --corpus synthetic                           two synthetic voices with TESS's names, to try the recipe
#   ./run.sh --conf conf/ecapa_fbank.yaml --stage 1       another experiment, beside the first
#   ./run.sh --protocol cross_speaker --corpus DIR
#   utils/ablation.sh conf/audionet.yaml conf/audionet_tied.yaml -- --corpus DIR      three seeds of each
#
# The duration of an utterance alone tells 91.8 % of the exercise: the baselines stand beside each figure. RESULTS.md.
set -euo pipefail

protocol=exercise        # exercise, word_disjoint, cross_speaker or seven_class
conf=conf/audionet.yaml  # the experiment; a path from the recipe's folder
set=()                   # override one key of the conf (repeatable): train.epochs=5
seeds=                   # an ensemble of trainings with these seeds, "1 2 3": their probabilities are averaged
normalise=none           # speaker: features by mean and deviation of all that each speaker says; transductive
init=                    # an experiment directory whose model training starts from
exp=                     # experiment directory (default: exp/<protocol>/ and the conf's name with overrides)
corpus=                  # the corpus's folder, or synthetic; known after the first run
nj=2                     # parallel jobs
device=auto              # auto, cpu or cuda
bad_audio=fail           # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
corpus=$(from_caller "$corpus")
[[ $protocol =~ ^(exercise|word_disjoint|cross_speaker|seven_class)$ ]] ||
  die "--protocol takes exercise, word_disjoint, cross_speaker or seven_class, found '$protocol'"
data=data/$protocol

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
plan=$(make_plan --task classification --folds true --conf "$conf" "${set[@]/#/--set=}" --seeds "$seeds" \
  --normalise "$normalise" --init "$init" --exp "$exp" --expdir "exp/$protocol" --data "$data" \
  --baseline conf/mfcc.yaml --functionals conf/functionals.yaml)
exp=$(planned "$plan" exp)
feats=$(planned "$plan" feats)       # data/<protocol>/<kind, dimension and hash of the front-end>
baseline=$(planned "$plan" baseline) # features of the baselines: MFCC
functionals=$(planned "$plan" functionals)
labels=$(planned "$plan" labels)     # the table of the classes
baselines=(majority duration energy statistics_svm statistics_regression functionals_regression joint_regression)
jobs=(--nj "$nj" --bad-audio "$bad_audio")

if stage 0 "data: the corpus -> data/tess; the parts of the protocol -> data/<protocol>"; then
  local/prepare_data.sh --nj "$nj" --bad-audio "$bad_audio" "$corpus" data/tess
  local/make_protocol.sh "$protocol" data/tess "$data"
fi

if stage 1 "features: the conf checked; all -> ark/scp, for the models and for the baselines; folds of both"; then
  steps/check_conf.sh "$plan" "$data"/folds/*/train
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/conf.yaml" "$data/all" "$feats/all"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/baseline.yaml" "$data/all" "$baseline/all"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/functionals.yaml" "$data/all" "$functionals/all"
  steps/copy_folds.sh --labels "$labels" --also "$baseline/all" --also "$functionals/all" \
    "$data/folds" "$feats/all" "$feats/folds"
  steps/copy_folds.sh --labels "$labels" --also "$feats/all" --also "$functionals/all" \
    "$data/folds" "$baseline/all" "$feats/baseline_folds"
fi

if stage 2 "train: a model on the training part of each fold -> fold_<k>/final.pt"; then
  steps/train_folds.sh --nj "$nj" --plan "$plan" --device "$device" "$feats/folds" "$exp"
fi

if stage 3 "predict: posteriors of each fold's test part, by its model -> test/ and by baselines -> baseline/"; then
  steps/predict_folds.sh "${jobs[@]}" --plan "$plan" --device "$device" "$feats/folds" "$exp"
  steps/predict_baselines.sh "${baselines[@]/#/--baseline=}" --functionals "$functionals/all" --labels "$labels" \
    --folds "$feats/baseline_folds" "$exp/baseline"
fi

if stage 4 "score: accuracy, recall and F1 with intervals, against the baselines -> metrics.json"; then
  steps/evaluate_classes.sh --labels "$labels" --folds "$feats/folds" "${baselines[@]/#/--baseline=$exp/baseline/}" \
    "$feats/folds/test" "$exp/test" "$exp"
fi

if stage 5 "report: plots, tables and the conf -> report.html; the model's card -> model_card.md"; then
  steps/make_report.sh --about "$data/about" "$exp"
fi
