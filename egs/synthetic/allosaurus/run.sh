#!/usr/bin/env bash
# The universal phone recogniser (allosaurus): which phones are said, in several languages, learnt from transcripts in
# phonemes. Without speech of yours it learns from synthetic speech, whose phones are known.
#
#   ./run.sh                                      synthetic speech in five languages, a small model
#   ./run.sh --data DIR --test DIR                data directories of yours, with wav.scp, phones and utt2lang
#   ./run.sh --conf conf/large.yaml --stage 1     the published sizes, on a GPU
#
# A tenth of the utterances of the training speakers is kept: the error on voices that training knew, beside that on
# others.
set -euo pipefail

stage=0               # first stage to run
stop_stage=4          # last stage to run
conf=conf/small.yaml  # the experiment; a path from the recipe's folder
set=()                # override one key of the conf (repeatable): train.epochs=5
init=                 # an experiment directory whose model training starts from
exp=                  # experiment directory (default: exp/ and the conf's name with overrides)
data=                 # a data directory to learn from, with phones and utt2lang (default: synthetic speech)
test=                 # one of other speakers to be measured, with --data
nj=2                  # parallel jobs
ngpu=0                # processes that share the training; 0: one
device=auto           # auto, cpu or cuda
bad_audio=fail        # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
speech=${data:+$(realpath -m "$data")} others=${test:+$(realpath -m "$test")} data=data
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
[ -n "$speech" ] || [ -z "$others" ] || die "--test goes with --data: the synthetic speech has a test part of its own"
task=phones
. utils/experiment.sh

if stage 0 "data: speech with its phones; of it a tenth, and other speakers, to be tested"; then
  if [ -z "$speech" ]; then
    utils/make_corpus.sh --nj "$nj" --layout polyglot --conf conf/corpus.yaml "$data/corpus"
    timbre prepare --corpus-kind polyglot --corpus "$data/corpus" --out "$data"
    speech=$data/train others=$data/test
  else
    mkdir -p "$data"
    echo "Speech of $speech" > "$data/about"
  fi
  utils/split_utterances.sh --share 0.1 --seed 1 "$speech" "$data/all" "$data/seen"
  [ -z "$others" ] || utils/copy_data_dir.sh "$others" "$data/unseen"
fi

. steps/pretraining.sh # stages 1 features, 2 train, 3 report

if stage 4 "recognise: the phone error rate by language, of voices that training knew and of others"; then
  measured=()
  for part in seen unseen; do
    [ -d "$data/$part" ] || continue
    steps/make_feats_dir.sh --nj "$nj" --bad-audio "$bad_audio" --conf "$conf" "${overrides[@]}" "$data/$part" \
      "$feats/$part"
    steps/recognise_phones.sh --device "$device" "$exp" "$feats/$part" "$exp/$part"
    measured+=(--part "$part")
  done
  steps/evaluate_phones.sh --train "$feats/all" "${measured[@]}" "$feats" "$exp"
  timbre make-report --about "$(<"$data/about")" "$exp"
fi
