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

stage=0                            # first stage to run
stop_stage=6                       # last stage to run
conf=conf/transformer_simple.yaml  # the experiment; a path from the recipe's folder
set=()                             # override one key of the conf (repeatable): train.epochs=5
init=                              # an experiment directory whose model training starts from
exp=                               # experiment directory (default: exp/ and the conf's name with overrides)
corpus=                            # the corpus's folder, or synthetic
nj=2                               # parallel jobs
ngpu=0                             # processes that share the training; 0: one
device=auto                        # auto, cpu or cuda
bad_audio=fail                     # a feature file that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
[ -z "$corpus" ] || [ "$corpus" = synthetic ] || corpus=$(realpath -m "$corpus")
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
task=classification
. utils/experiment.sh
part=valid unlabelled=(test)

if stage 0 "data: the corpus, and a tenth of each speaker's segments for the accuracy"; then
  if [ "$corpus" = synthetic ]; then
    corpus=data/corpus
    local/make_corpus.sh --nj "$nj" "$corpus"
  fi
  [ -n "$corpus" ] || die "--corpus DIR is missing: where the course's Dataset is, or synthetic"
  timbre prepare --corpus-kind ml2023hw4 --corpus "$corpus" --out data
  cp "$corpus/testdata.json" "$corpus/mapping.json" data/ # stage 6 answers them
  utils/split_utterances.sh --share 0.1 --seed 1 data/labelled data/train data/valid
fi

. steps/classification.sh  # stages 1 features, 2 train, 3 predict, 4 score, 5 report

if stage 6 "submission: the most probable speaker of each unlabelled segment"; then
  require_file data/testdata.json "stage 0 copies it from the corpus"
  require_file "$exp/test/posteriors.scp" "steps/predict.sh (stage 3) makes it"
  timbre make-submission --posteriors "$exp/test" --corpus data --out "$exp/submission.csv"
fi
