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
. "$here/utils/step.sh"

[ $# -eq 2 ] || die "expected <feats> <exp>, found $# arguments"
feats=$1 exp=$2
[ -n "$train" ] || die "--train <data> is missing"
options=()
made=()
for each in "${part[@]}"; do made+=(--made "$exp/$each/phones"); done
for each in "${part[@]}"; do options+=(--part "$each" "$feats/$each" "$exp/$each/phones"); done
begin_step evaluate_phones "$exp" --files metrics.json --data "$train" "${part[@]/#/--data=$feats/}" \
  "${made[@]}" --value replicates="$replicates" --value seed="$seed"
timbre evaluate-phones --train "$train" "${options[@]}" --replicates "$replicates" --seed "$seed" "$exp"
end_step
