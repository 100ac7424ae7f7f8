#!/usr/bin/env bash
# Speaker verification on speechocean762 (OpenSLR 101, CC BY 4.0): read English by 250 native speakers of
# Mandarin, 125 to train and 125 to test. Free, 0.5 GB; it trains on a laptop.
#
#   ./run.sh --corpus /path/to/speechocean762      the corpus, or a part of it in its layout
#   ./run.sh --download /path/to/corpora           fetch it first
#   ./run.sh --conf conf/xvector_am.yaml --stage 1 another experiment, beside the first
set -euo pipefail

stage=0                   # first stage to run
stop_stage=5              # last stage to run
conf=conf/ecapa_aam.yaml  # the experiment; a path from the recipe's folder
set=()                    # override one key of the conf (repeatable): train.epochs=5
exp=                      # experiment directory (default: exp/ and the conf's name with the overrides)
init=                     # an experiment directory whose model training starts from
backend=()                # what scores: cosine (the default), plda, cosine+asnorm+calibration …; repeatable
corpus=                   # the corpus's folder
download=                 # a folder to download the corpus into, resumed if it was interrupted
nj=2                      # parallel jobs
ngpu=0                    # processes that share the training; 0: one
device=auto               # auto, cpu or cuda
bad_audio=fail            # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
[ -z "$corpus" ] || corpus=$(realpath -m "$corpus")
[ -z "$download" ] || download=$(realpath -m "$download")
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
. utils/experiment.sh

if stage 0 "data: the corpus, data directories and the list of trials"; then
  if [ -n "$download" ]; then
    timbre download --corpus-kind speechocean762 --dir "$download"
    corpus=$download/speechocean762
  fi
  [ -n "$corpus" ] || die "--corpus DIR or --download DIR is missing: where the corpus is, or is to be fetched"
  timbre prepare --corpus-kind speechocean762 --corpus "$corpus" --out data
  timbre make-trials --data data/test
fi

. steps/verification.sh  # stages 1 features, 2 train, 3 embed, 4 score, 5 report
