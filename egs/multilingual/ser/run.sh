#!/usr/bin/env bash
# Which emotion, in four languages: English (IEMOCAP), German (EMO-DB), Persian (ShEMO) and French (CaFE), any of them.
# One model fuses streams that were learned for other tasks; a gate and a head of each language.
#
#   ./run.sh --corpus-en DIR --corpus-de DIR --corpus-fa DIR --corpus-fr DIR      or some of them
#   ./run.sh --corpus synthetic                           all four as synthetic speech, to try the recipe
#   ./run.sh --conf conf/gate.yaml --stage 1              another experiment, beside the first
#   ./run.sh --protocol source --corpus synthetic         a random fifth is tested: its speakers are known to training
#   local/cross_lingual.sh                                trained on one language, tested on each
#
# Nobody who is tested is trained on: folds of IEMOCAP's sessions, EMO-DB's and ShEMO's speakers, CaFE's pairs. RESULTS.md.
set -euo pipefail

protocol=speaker_independent  # speaker_independent or source
conf=conf/fusion.yaml         # the experiment; a path from the recipe's folder
set=()                        # override one key of the conf (repeatable): train.epochs=5
seeds=                        # an ensemble of trainings with these seeds, "1 2 3": their probabilities are averaged
normalise=none                # speaker: features by mean and deviation of all that each speaker says; transductive
exp=                          # experiment directory (default: exp/<protocol>/ and the conf's name with overrides)
corpus=                       # synthetic: all four corpora, spoken by espeak-ng
corpus_en=                    # IEMOCAP's folder; those that are used are known after the first run
corpus_de=                    # EMO-DB's folder
corpus_fa=                    # ShEMO's folder
corpus_fr=                    # CaFE's folder
nj=2                          # parallel jobs
device=auto                   # auto, cpu or cuda
bad_audio=fail                # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
corpora=(en="$(from_caller "$corpus_en")" de="$(from_caller "$corpus_de")" fa="$(from_caller "$corpus_fa")"
  fr="$(from_caller "$corpus_fr")")
[[ $protocol =~ ^(speaker_independent|source)$ ]] ||
  die "--protocol takes speaker_independent or source, found '$protocol'"
[[ $corpus =~ ^(synthetic)?$ ]] || die "--corpus takes synthetic alone, found '$corpus'; folders are --corpus-de DIR …"
data=data/$protocol

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
planning=(--task fusion --conf "$conf" "${set[@]/#/--set=}" --seeds "$seeds" --normalise "$normalise"
  --exp "$exp" --expdir "exp/$protocol" --data "$data" --baseline conf/mfcc.yaml --functionals conf/functionals.yaml)
plan=$(make_plan "${planning[@]}")
exp=$(planned "$plan" exp)
labels=$(planned "$plan" labels)     # the table of the classes
baseline=$(planned "$plan" baseline) # features of the baselines: MFCC
functionals=$(planned "$plan" functionals)
jobs=(--nj "$nj" --bad-audio "$bad_audio")
baselines=(majority speaker duration energy statistics_svm {statistics,functionals,joint,streams}_regression)

if stage 0 "data: the corpora, the folds of each and of all -> data/<protocol>; the models of the streams"; then
  [ -z "$corpus" ] || local/make_corpora.sh --nj "$nj" data/corpora
  [ -z "$corpus" ] || corpora=(en=data/corpora/iemocap de=data/corpora/emodb fa=data/corpora/shemo fr=data/corpora/cafe)
  local/prepare_data.sh --protocol "$protocol" --bad-audio "$bad_audio" "${corpora[@]}" "$data"
  steps/check_conf.sh "$plan" "$data"/folds/*/train
  steps/train_front_ends.sh --nj "$nj" --device "$device" "$plan"
fi
plan=$(make_plan "${planning[@]}")   # again: the folders of streams are named by their models
feats=$(planned "$plan" feats)       # data/<protocol>/<number and hash of the streams>
mapfile -t languages < <(awk '{print $2}' "$data/all/utt2lang" 2>/dev/null | sort -u)

if stage 1 "features: the conf checked; the streams of all -> ark/scp, MFCC for the baselines; folds of both"; then
  steps/check_conf.sh "$plan" "$data"/folds/*/train
  steps/make_inputs.sh "${jobs[@]}" --device "$device" "$plan" "$data/all" "$data" "$feats/all"
  steps/copy_folds.sh --labels "$labels" "$data/folds" "$feats/all" "$feats/folds"
  for lang in "${languages[@]}"; do
    steps/make_feats.sh "${jobs[@]}" --conf "$plan/baseline.yaml" "$data/$lang/all" "$baseline/$lang/all"
    steps/make_feats.sh "${jobs[@]}" --conf "$plan/functionals.yaml" "$data/$lang/all" "$functionals/$lang/all"
    steps/copy_folds.sh --labels "$labels" --also "$baseline/$lang/all" --also "$functionals/$lang/all" \
      "$data/$lang/folds" "$feats/all" "$feats/$lang/folds"
    steps/copy_folds.sh --labels "$labels" "$feats/$lang/folds" "$baseline/$lang/all" "$feats/$lang/baseline_folds"
  done
fi

if stage 2 "train: a model of all languages on the training part of each fold -> fold_<k>/final.pt"; then
  steps/train_folds.sh --nj "$nj" --plan "$plan" --device "$device" "$feats/folds" "$exp"
fi

if stage 3 "predict: posteriors and gates of each fold's test part -> test/; baselines by language"; then
  steps/predict_folds.sh "${jobs[@]}" --plan "$plan" --device "$device" "$feats/folds" "$exp"
  for lang in "${languages[@]}"; do
    steps/predict_baselines.sh "${baselines[@]/#/--baseline=}" --functionals "$functionals/$lang/all" \
      --streams "$feats/all" --labels "$labels" --folds "$feats/$lang/baseline_folds" "$feats/$lang/baselines"
  done
fi

if stage 4 "score: by language, with intervals, against the baselines -> <lang>/metrics.json; the gates -> gates.json"; then
  steps/evaluate_languages.sh --labels "$labels" "${baselines[@]/#/--baseline=}" "${languages[@]/#/--language=}" \
    "$feats" "$exp"
fi

if stage 5 "report: results by language, gates, curves and the conf -> report.html"; then
  steps/make_report.sh --about "$data/about" "$exp"
fi
