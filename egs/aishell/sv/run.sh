#!/usr/bin/env bash
# Speaker verification on AISHELL-1 (OpenSLR 33, Apache-2.0): Mandarin read by 400 people, 340 to train and 20 to
# test. Free, 15 GB. Three protocols, each with data and experiments of its own:
#   lab   300 speakers × 10 utterances to train, the 20 test speakers × 10 in all pairs and in a balanced list
#   full  all training speakers; 20 models of 3 utterances against the 7,116 others
#   hard  as full, but models of one utterance against tests of 2 s, of the same gender
#
#   ./run.sh --corpus /path/to/aishell              the folder that holds data_aishell and resource_aishell
#   ./run.sh --download /path/to/corpora            fetch it first, or go on fetching it
#   ./run.sh --corpus synthetic                     synthetic speech laid out like it, to try the recipe
#   ./run.sh --conf conf/ecapa_aam.yaml --stage 1   another experiment, beside the first
#   ./run.sh --protocol hard --corpus DIR --backend cosine --backend lda_plda
#
# EER % of others on the full protocol: 0.1405, Kaldi's i-vector and PLDA (10 of 7,116 targets). Ours: RESULTS.md.
set -euo pipefail

stage=0                             # first stage to run
stop_stage=5                        # last stage to run
protocol=lab                        # lab, full or hard
conf=conf/xvector_gap_softmax.yaml  # the experiment; a path from the recipe's folder
set=()                              # override one key of the conf (repeatable): train.epochs=5
init=                               # an experiment directory whose model training starts from
exp=                                # experiment directory (default: exp/<protocol>/ and the conf with overrides)
backend=()                          # what scores (repeatable; default cosine): lda_plda, cosine+asnorm
corpus=                             # the corpus's folder, or synthetic
download=                           # a folder to download the corpus into, resumed if it was interrupted
nj=2                                # parallel jobs
ngpu=0                              # processes that share the training; 0: one
device=auto                         # auto, cpu or cuda
bad_audio=fail                      # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
[ -z "$corpus" ] || [ "$corpus" = synthetic ] || corpus=$(realpath -m "$corpus")
[ -z "$download" ] || download=$(realpath -m "$download")
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
[[ $protocol =~ ^(lab|full|hard)$ ]] || die "--protocol takes lab, full or hard, found '$protocol'"
data=data/$protocol expdir=exp/$protocol
. utils/experiment.sh

if stage 0 "data: the corpus, data directories and the lists of trials"; then
  if [ "$corpus" = synthetic ]; then
    corpus=data/corpus
    utils/make_corpus.sh --nj "$nj" --layout aishell --conf conf/corpus.yaml "$corpus"
  elif [ -n "$download" ]; then
    timbre download --corpus-kind aishell --dir "$download"
    corpus=$download
  fi
  [ -n "$corpus" ] || die "--corpus DIR or --download DIR is missing: where the corpus is, or is to be fetched"
  timbre prepare --corpus-kind aishell --corpus "$corpus" --option protocol="$protocol" --out "$data"
fi

. steps/verification.sh  # stages 1 features, 2 train, 3 embed, 4 score, 5 report
