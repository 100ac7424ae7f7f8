# fusion.sh: stages 1 to 5 of recipes that fuse streams of several languages in one model, measured by folds of each; a
# recipe sources it after its stage 0.
# Stage 0 has made, for each language, $data/<lang>/all and $data/<lang>/folds/<k>/{train,test}, and of all languages
# $data/all and $data/folds, with utt2lang and the table of classes; local/prepare_data.sh of egs/multilingual/ser does.
# Of the recipe it takes the options conf set nj device bad_audio, and what utils/experiment.sh makes of them.
# shellcheck shell=bash disable=SC2154
languages=() # those that were prepared
[[ ! -e $data/all/utt2lang ]] || mapfile -t languages < <(cut -d' ' -f2 "$data/all/utt2lang" | LC_ALL=C sort -u)
baselines=()
for kind in majority speaker duration energy statistics_svm; do baselines+=(--baseline "$kind"); done
baselines_of() { # where those of a language lie: they are the same for all experiments on the same folds
  echo "$baseline/$1/baselines-$(cat "$baseline/$1"/folds/*/*/utt2spk | sha256sum | cut -c1-12)"
}

if ((stage == 1)); then # stage 0 of the recipe does it before it trains what streams are made of
  timbre check-conf --conf "$conf" "${overrides[@]}" "$data"/folds/*/train
fi
if stage 1 "features: the streams to ark/scp, MFCC for the baselines; folds of both"; then
  steps/make_streams.sh --nj "$nj" --device "$device" --bad-audio "$bad_audio" --conf "$conf" "${overrides[@]}" \
    "$data/all" "$data" "$feats/all"
  timbre copy-folds --folds "$data/folds" --labels "$labels" "$feats/all" "$feats"
  for lang in "${languages[@]}"; do # what was left out of either is left out of both
    timbre copy-folds --folds "$data/$lang/folds" --labels "$labels" "$feats/all" "$feats/$lang"
    steps/make_feats_dir.sh --nj "$nj" --bad-audio "$bad_audio" --conf conf/mfcc.yaml \
      "$data/$lang/all" "$baseline/$lang/all"
    timbre copy-folds --folds "$feats/$lang/folds" --labels "$labels" "$baseline/$lang/all" "$baseline/$lang"
    cp "$data/$lang/about" "$baseline/$lang/about"
  done
fi

if stage 2 "train: a model of all languages for each fold"; then
  steps/train_folds.sh --nj "$nj" --conf "$conf" "${overrides[@]}" --device "$device" "$feats/folds" "$exp"
fi

if stage 3 "predict: posteriors and gates of each fold's test part, by its model; baselines by language"; then
  steps/predict_folds.sh --nj "$nj" --device "$device" --bad-audio "$bad_audio" "$feats/folds" "$exp"
  for lang in "${languages[@]}"; do
    beside=$(baselines_of "$lang")
    [ -e "$beside/statistics_svm/posteriors.scp" ] || # the last of them
      steps/predict_baselines.sh --labels "$labels" "${baselines[@]}" --folds "$baseline/$lang/folds" "$beside"
  done
fi

if stage 4 "score: by language, with intervals, against the baselines; what the gates weigh"; then
  for lang in "${languages[@]}"; do
    require_file "$baseline/$lang/test/$labels" "timbre copy-folds (stage 1) makes it"
    require_file "$exp/test/posteriors.scp" "prediction (stage 3) makes it"
    timbre select-posteriors --labels "$labels" "$baseline/$lang/test" "$exp/test" "$exp/$lang/test"
    beside=$(baselines_of "$lang")
    steps/evaluate_classes.sh --name "${exp##*/}" --labels "$labels" --folds "$baseline/$lang/folds" \
      --system "majority=$beside/majority" --system "speaker alone=$beside/speaker" \
      --system "duration=$beside/duration" --system "energy=$beside/energy" \
      --system "SVM of statistics=$beside/statistics_svm" "$baseline/$lang/test" "$exp/$lang/test" "$exp/$lang"
  done
  if [ -e "$exp/test/gates.scp" ]; then # a conf without a gate has none
    timbre measure-gates --labels "$labels" "$feats/test" "$exp/test" "$exp"
  fi
fi

if stage 5 "report: results by language, gates, curves and the conf in one HTML file"; then
  require_file "$data/about" "the preparation of the corpora (stage 0) makes it"
  timbre make-report --about "$(<"$data/about")" "$exp"
fi
