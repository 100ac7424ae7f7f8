#!/usr/bin/env bash
# Speaker verification on synthetic speech, from nothing to an EER and a report.
#
# The speakers are spoken by espeak-ng, so nothing is downloaded. What comes out says that the recipe works;
# it says nothing about human voices: for those see egs/.
#
#   ./run.sh                              everything, with the default conf
#   ./run.sh --conf conf/ecapa_aam.yaml   another experiment, beside the first
#   ./run.sh --set train.epochs=5         one with a key of the conf changed, beside them
#   ./run.sh --stage 4                    from a stage on
set -euo pipefail

stage=0                    # first stage to run
stop_stage=5               # last stage to run
conf=conf/xvector_am.yaml  # the experiment; a path from the recipe's folder
set=()                     # override one key of the conf (repeatable): train.epochs=5
exp=                       # experiment directory (default: exp/ and the conf's name with the overrides)
init=                      # an experiment directory whose model training starts from
backend=()                 # what scores: cosine (the default), plda, cosine+asnorm+calibration …; repeatable
corpus=                    # where the corpus is, or is to be made (default: data/corpus)
corpus_conf=conf/corpus.yaml  # how many speakers it has, and how hard it is
nj=2                       # parallel jobs
ngpu=0                     # processes that share the training; 0: one
device=auto                # auto, cpu or cuda
bad_audio=fail             # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
[ -z "$corpus" ] || corpus=$(realpath -m "$corpus")
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
. utils/experiment.sh

if stage 0 "data: the corpus, data directories and the list of trials"; then
  local/prepare_data.sh --nj "$nj" --conf "$corpus_conf" "${corpus:-data/corpus}" data
fi

. steps/verification.sh  # stages 1 features, 2 train, 3 embed, 4 score, 5 report
