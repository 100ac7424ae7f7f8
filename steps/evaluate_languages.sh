#!/usr/bin/env bash
# Measures a fusion by language, beside baselines of each, and what its gates weigh:
#   steps/evaluate_languages.sh [options] <feats> <exp>
# reads <exp>/test and <feats>/<lang>/{folds,baselines}; writes <exp>/<lang>/metrics.json of each language, and
# <exp>/gates.json where the conf has a gate.
set -euo pipefail

labels=utt2emotion  # the table of the classes
baseline=()         # the baselines of <feats>/<lang>/baselines (repeatable)
language=()         # a language (repeatable)
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 2 ] || die "expected <feats> <exp>, found $# arguments"
feats=$1 exp=$2
parts=() made=()
for lang in "${language[@]}"; do
  mapfile -t -O "${#parts[@]}" parts < <(list_folds "$feats/$lang/folds" train test)
  made+=(--made "$feats/$lang/baselines/${baseline[0]}/posteriors.scp")
done
files=("${language[@]/%//metrics.json}")
[ ${#files[@]} -gt 0 ] || files=('*/metrics.json') # before stage 0 nothing says which
begin_step evaluate_languages "$exp" --files "${files[@]}" --data "$feats/folds/test" \
  "${parts[@]/#/--data=}" --made "$exp/test/posteriors.scp" "${made[@]}" --value labels="$labels"

for lang in "${language[@]}"; do
  root=$feats/$lang
  timbre select-posteriors --labels "$labels" "$root/folds/test" "$exp/test" "$exp/$lang/test"
  timbre evaluate-classes --labels "$labels" --name "${exp##*/}" --folds "$root/folds" "${baseline[@]/#/--baseline=$root/baselines/}" \
    "$root/folds/test" "$exp/$lang/test" "$exp/$lang"
done
if [ -e "$exp/test/gates.scp" ]; then # a conf without a gate has none
  timbre measure-gates --labels "$labels" "$feats/folds/test" "$exp/test" "$exp"
fi
end_step
