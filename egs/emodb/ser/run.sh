#!/usr/bin/env bash
# Which emotion: EMO-DB, the Berlin Database of Emotional Speech, ten actors, ten sentences of German, seven emotions,
# 535 utterances. Free. Each actor is tested by a model that was trained on the nine others: ten folds.
#
#   ./run.sh --corpus /path/to/emodb                 the folder that holds wav
#   ./run.sh --corpus synthetic                      synthetic speech with its names, to try the recipe
#   ./run.sh --conf conf/audionet.yaml --stage 1     another experiment, beside the first
#   utils/compare.sh exp/ecapa_fbank exp/audionet    the same utterances: difference, interval, p
#
# The sentences are the same in all folds, so a model may know them: speaker-independent, text-dependent. RESULTS.md.
set -euo pipefail

stage=0                     # first stage to run
stop_stage=5                # last stage to run
conf=conf/ecapa_fbank.yaml  # the experiment; a path from the recipe's folder
set=()                      # override one key of the conf (repeatable): train.epochs=5
init=                       # an experiment directory whose model training starts from
exp=                        # experiment directory (default: exp/ and the conf's name with overrides)
corpus=                     # the corpus's folder, or synthetic
nj=2                        # parallel jobs: folds that are trained at once
device=auto                 # auto, cpu or cuda
bad_audio=fail              # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
[ -z "$corpus" ] || [ "$corpus" = synthetic ] || corpus=$(realpath -m "$corpus")
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
task=classification
. utils/experiment.sh

if stage 0 "data: the corpus, and a fold for each actor"; then
  if [ "$corpus" = synthetic ]; then
    corpus=data/corpus
    utils/make_corpus.sh --nj "$nj" --layout emodb --conf conf/corpus.yaml "$corpus"
  fi
  [ -n "$corpus" ] || die "--corpus DIR is missing: where EMO-DB is, or synthetic"
  timbre prepare --corpus-kind emodb --corpus "$corpus" --option bad_audio="$bad_audio" --out data
  timbre make-folds --labels utt2emotion --unit speaker data/all data/folds
fi

. steps/cross_validation.sh  # stages 1 features, 2 train, 3 predict, 4 score, 5 report
