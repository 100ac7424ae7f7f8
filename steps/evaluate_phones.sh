#!/usr/bin/env bash
# Measures the phones that were recognised in several parts:
#   steps/evaluate_phones.sh --train <data> --part <part> [--part …] <feats> <exp>
# compares <exp>/<part>/phones with <feats>/<part>/phones; prints the phone error rate of each part and language with
# its 95 % interval (speakers resampled), beside a baseline that hears nothing; writes <exp>/metrics.json.
set -euo pipefail

train=           # data directory that was trained on, for the baseline; with its features
part=()          # a part to be measured (repeatable)
replicates=1000  # resamplings of the speakers
seed=0           # of the resampling
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 2 ] || die "expected <feats> <exp>, found $# arguments"
feats=$1 exp=$2
[ -n "$train" ] || die "--train <data> is missing"
require_file "$train/utt2num_frames" "steps/make_feats.sh (stage 1) makes it"
options=()
for each in "${part[@]}"; do
  require_file "$exp/$each/phones" "steps/recognise_phones.sh makes it"
  options+=(--part "$each" "$feats/$each" "$exp/$each/phones")
done
timbre evaluate-phones --train "$train" "${options[@]}" --replicates "$replicates" --seed "$seed" "$exp"
