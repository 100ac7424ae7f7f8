# cross_validation.sh: stages 1 to 5 of every recipe that is measured by folds, one or more: a model is trained on each
# fold's training part and classifies its test part; a recipe sources it after its stage 0.
# Stage 0 has made $data/all and $data/folds/<k>/{train,test}, with wav.scp, utt2spk, spk2utt and the table of classes.
# Of the recipe it takes the options conf set nj device bad_audio, and what utils/experiment.sh makes of them.
# shellcheck shell=bash disable=SC2154
[[ -z $augmented ]] || die "$conf: augmentation of folds is done in training only; set train.features: online"
[[ $init != */fold_* ]] || die "init: $init was trained on what other folds test; start from a model of other speech"
sources=data/augment
[ -d "$sources" ] || sources=
if ((stage <= 1)); then # before anything is computed
  timbre check-conf --conf "$conf" "${overrides[@]}" ${sources:+--sources "$sources"} "$data"/folds/*/train
fi
baselines=(--baseline majority --baseline duration --baseline energy --baseline statistics_svm)
if stage 1 "features: frames to ark/scp, those of the conf and of the baselines; folds of both"; then
  steps/make_feats_dir.sh --nj "$nj" --bad-audio "$bad_audio" --conf "$conf" "${overrides[@]}" --vad "$vad" \
    "$data/all" "$feats/all"
  steps/make_feats_dir.sh --nj "$nj" --bad-audio "$bad_audio" --conf conf/mfcc.yaml "$data/all" "$baseline/all"
  folds=$data/folds
  for each in "$feats" "$baseline" "$feats"; do # what was left out of either is left out of both
    timbre copy-folds --folds "$folds" --labels "$labels" "$each/all" "$each"
    folds=$each/folds
  done
fi

if stage 2 "train: a model for each fold"; then
  steps/train_folds.sh --nj "$nj" --conf "$conf" "${overrides[@]}" --sources "$sources" --device "$device" \
    "$feats/folds" "$exp"
fi

if stage 3 "predict: posteriors of each fold's test part, by its model and by baselines"; then
  steps/predict_folds.sh --nj "$nj" --device "$device" --bad-audio "$bad_audio" "$feats/folds" "$exp"
  steps/predict_baselines.sh --labels "$labels" "${baselines[@]}" --folds "$baseline/folds" "$exp/baseline"
fi

if stage 4 "score: accuracy, recall and F1 with intervals, against the baselines; what the parts have in common"; then
  require_file "$feats/test/$labels" "timbre copy-folds (stage 1) makes it"
  steps/evaluate_classes.sh --name "${exp##*/}" --labels "$labels" --folds "$feats/folds" \
    --system "majority=$exp/baseline/majority" --system "duration=$exp/baseline/duration" \
    --system "energy=$exp/baseline/energy" --system "SVM of statistics=$exp/baseline/statistics_svm" \
    "$feats/test" "$exp/test" "$exp"
fi

if stage 5 "report: plots, tables and the conf in one HTML file; the model's card"; then
  require_file "$data/about" "the preparation of the corpus (stage 0) makes it"
  steps/make_report.sh --about "$(<"$data/about")" "$exp"
fi
