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

stage=0                  # first stage to run
stop_stage=5             # last stage to run
protocol=exercise        # exercise, word_disjoint, cross_speaker or seven_class
conf=conf/audionet.yaml  # the experiment; a path from the recipe's folder
set=()                   # override one key of the conf (repeatable): train.epochs=5
init=                    # an experiment directory whose model training starts from
exp=                     # experiment directory (default: exp/<protocol>/ and the conf's name with overrides)
corpus=                  # the corpus's folder, or synthetic
nj=2                     # parallel jobs
device=auto              # auto, cpu or cuda
bad_audio=fail           # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
[ -z "$corpus" ] || [ "$corpus" = synthetic ] || corpus=$(realpath -m "$corpus")
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
[[ $protocol =~ ^(exercise|word_disjoint|cross_speaker|seven_class)$ ]] ||
  die "--protocol takes exercise, word_disjoint, cross_speaker or seven_class, found '$protocol'"
task=classification data=data/$protocol expdir=exp/$protocol
. utils/experiment.sh

if stage 0 "data: the corpus, and the parts of the protocol"; then
  if [ "$corpus" = synthetic ]; then
    corpus=data/corpus
    utils/make_corpus.sh --nj "$nj" --layout tess --conf conf/corpus.yaml "$corpus"
  fi
  if [ -n "$corpus" ]; then
    timbre prepare --corpus-kind tess --corpus "$corpus" --option bad_audio="$bad_audio" --out data/tess
  fi
  require_file data/tess/about "--corpus DIR makes it: where TESS is, or synthetic"
  local/make_protocol.sh "$protocol" data/tess "$data"
fi

. steps/cross_validation.sh  # stages 1 features, 2 train, 3 predict, 4 score, 5 report
