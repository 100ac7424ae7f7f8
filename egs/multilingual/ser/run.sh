#!/usr/bin/env bash
# Which emotion, in four languages: English (IEMOCAP), German (EMO-DB), Persian (ShEMO) and French (CaFE), any of them.
# One model fuses streams that were learned for other tasks; a gate and a head of each language.
#
#   ./run.sh --corpus-en DIR --corpus-de DIR --corpus-fa DIR --corpus-fr DIR      or some of them
#   ./run.sh --corpus synthetic                           all four as synthetic speech, to try the recipe
#   ./run.sh --conf conf/no_gate.yaml --stage 1           another experiment, beside the first
#   ./run.sh --protocol source --corpus synthetic         a random fifth is tested: its speakers are known to training
#   utils/ablation.sh --measure recall conf/fusion.yaml conf/no_gate.yaml -- --corpus synthetic      what a part is worth
#   local/cross_lingual.sh                                trained on one language, tested on each
#
# Nobody who is tested is trained on: IEMOCAP's five sessions, EMO-DB's ten speakers, five groups of ShEMO's, pairs of
# CaFE's actors. RESULTS.md.
# shellcheck disable=SC2034 # what is not used here steps/fusion.sh uses
set -euo pipefail

stage=0                       # first stage to run
stop_stage=5                  # last stage to run
protocol=speaker_independent  # speaker_independent or source
conf=conf/fusion.yaml         # the experiment; a path from the recipe's folder
set=()                        # override one key of the conf (repeatable): train.epochs=5
exp=                          # experiment directory (default: exp/<protocol>/ and the conf's name with overrides)
corpus=                       # synthetic: all four corpora, spoken by espeak-ng
corpus_en=                    # IEMOCAP's folder
corpus_de=                    # EMO-DB's folder
corpus_fa=                    # ShEMO's folder
corpus_fr=                    # CaFE's folder
nj=2                          # parallel jobs
device=auto                   # auto, cpu or cuda
bad_audio=fail                # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
declare -A folder=([en]=$corpus_en [de]=$corpus_de [fa]=$corpus_fa [fr]=$corpus_fr)
for lang in "${!folder[@]}"; do
  [ -z "${folder[$lang]}" ] || folder[$lang]=$(realpath -m "${folder[$lang]}")
done
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
[[ $protocol =~ ^(speaker_independent|source)$ ]] ||
  die "--protocol takes speaker_independent or source, found '$protocol'"
[[ $corpus =~ ^(synthetic)?$ ]] || die "--corpus takes synthetic alone, found '$corpus'; folders are --corpus-de DIR …"
task=fusion data=data/$protocol expdir=exp/$protocol init=''
timbre show-conf --conf "$conf" "${set[@]/#/--set=}" >/dev/null # refused here rather than after stage 0

if stage 0 "data: the corpora, the folds of each and of all; the models of the streams that are not there yet"; then
  if [ "$corpus" = synthetic ]; then
    for layout in iemocap emodb shemo cafe; do
      utils/make_corpus.sh --nj "$nj" --layout "$layout" --conf "conf/corpus_$layout.yaml" "data/corpora/$layout"
    done
    folder=([en]=data/corpora/iemocap [de]=data/corpora/emodb [fa]=data/corpora/shemo [fr]=data/corpora/cafe)
  fi
  corpora=()
  for lang in en de fa fr; do
    [ -z "${folder[$lang]}" ] || corpora+=("$lang=${folder[$lang]}")
  done
  [ ${#corpora[@]} -gt 0 ] || die "--corpus-en, -de, -fa or -fr DIR is missing, or --corpus synthetic"
  local/prepare_data.sh --protocol "$protocol" --bad-audio "$bad_audio" "${corpora[@]}" "$data"
  overrides=()
  for setting in "${set[@]}"; do overrides+=(--set "$setting"); done
  timbre check-conf --conf "$conf" "${overrides[@]}" "$data"/folds/*/train
  steps/train_front_ends.sh --nj "$nj" --device "$device" --conf "$conf" "${overrides[@]}"
fi
. utils/experiment.sh # after stage 0, as the streams' folders are named by their models' weights

. steps/fusion.sh # stages 1 streams, 2 train, 3 predict, 4 score, 5 report
