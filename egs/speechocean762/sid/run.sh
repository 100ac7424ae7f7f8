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

stage=0                            # first stage to run
stop_stage=5                       # last stage to run
conf=conf/transformer_simple.yaml  # the experiment; a path from the recipe's folder
set=()                             # override one key of the conf (repeatable): train.epochs=5
init=                              # an experiment directory whose model training starts from
exp=                               # experiment directory (default: exp/ and the conf's name with overrides)
corpus=                            # the corpus's folder
download=                          # a folder to download the corpus into, resumed if it was interrupted
nj=2                               # parallel jobs
ngpu=0                             # processes that share the training; 0: one
device=auto                        # auto, cpu or cuda
bad_audio=fail                     # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
[ -z "$corpus" ] || corpus=$(realpath -m "$corpus")
[ -z "$download" ] || download=$(realpath -m "$download")
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
task=classification
. utils/experiment.sh
part=test unlabelled=()

if stage 0 "data: the corpus, its parts put together and split within the speakers"; then
  if [ -n "$download" ]; then
    timbre download --corpus-kind speechocean762 --dir "$download"
    corpus=$download/speechocean762
  fi
  [ -n "$corpus" ] || die "--corpus DIR or --download DIR is missing: where the corpus is, or is to be fetched"
  timbre prepare --corpus-kind speechocean762 --corpus "$corpus" --out data/parts
  utils/combine_data.sh data/all data/parts/train data/parts/test
  utils/split_utterances.sh --share 0.25 --seed 1 data/all data/train data/test
  cp data/parts/about data/about
fi

. steps/classification.sh  # stages 1 features, 2 train, 3 predict, 4 score, 5 report
