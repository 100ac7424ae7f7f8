#!/usr/bin/env bash
# Scores and measures every list of trials of a test set, by every back-end:
#   steps/score_lists.sh [options] <feats-data> <test-data> <exp>
# For <test-data>/trials it writes scores, metrics.json and curves.npz into <exp>, for <test-data>/trials_<list> into
# <exp>/<list>; the first back-end's scores are the experiment's, those of others stand beside them.
set -euo pipefail

backend=()  # what scores (repeatable; default cosine): those that steps/train_backends.sh has trained
also=()     # further embeddings of the test set, scored by cosine as they are (repeatable): NAME=FOLDER
name=       # what the experiment is called in tables and plots (default: the name of its folder)
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 3 ] || die "expected <feats-data> <test-data> <exp>, found $# arguments"
feats=$1 data=$2 exp=$3 name=${name:-${3##*/}}
[ ${#backend[@]} -gt 0 ] || backend=(cosine)
mapfile -t lists < <(compgen -G "$data/trials*" || echo "$data/trials")
reads=(--input "$exp/mean.ark" --data "$feats" --made "$exp/test/xvector.scp" --made "$exp/baseline/xvector.scp")
[ "${backend[*]}" = cosine ] || reads+=(--made "$exp/backend/backend.json")
for other in "${also[@]}"; do reads+=(--made "${other#*=}/xvector.scp"); done
files=()
for trials in "${lists[@]}"; do
  list=${trials#"$data/trials"} list=${list#_}
  files+=("${list:+$list/}"{scores,metrics.json,curves.npz,baseline_scores})
done
begin_step score_lists "$exp" --files "${files[@]}" "${reads[@]}" "${lists[@]/#/--input=}" \
  --value backends="${backend[*]}" --value also="${also[*]}" --value name="$name"

enrol=xvector # utterances, or models of several
[ ! -e "$feats/enrol" ] || enrol=spk_xvector
for trials in "${lists[@]}"; do
  list=${trials#"$data/trials"} out=$exp
  [ -z "$list" ] || out=$exp/${list#_}
  systems=() first=''
  for system in "${backend[@]}"; do
    scores=$out/scores${first:+.$system}
    by=(--backend "$system" --backend-dir "$exp/backend" --data "$feats")
    [ "$enrol" = xvector ] || by+=(--num-utts "$exp/test/num_utts.ark")
    [ "$system" != cosine ] || by=(--mean "$exp/mean.ark")
    "$here/steps/score_trials.sh" "${by[@]}" "$trials" "$exp/test/$enrol.scp" "$exp/test/xvector.scp" "$scores"
    called=$name
    [ "$system" = cosine ] || called="$name, $system"
    if [ -n "$first" ]; then systems+=(--system "$called=$scores"); else first=$called; fi
    [[ $system != *+calibration && $system != *+quality ]] || systems+=(--llr "$called")
  done
  for other in "${also[@]}"; do
    scores="$out/scores.${other##*/}"
    "$here/steps/score_trials.sh" "$trials" "${other#*=}/$enrol.scp" "${other#*=}/xvector.scp" "$scores"
    systems+=(--system "${other%%=*}=$scores")
  done
  "$here/steps/score_trials.sh" "$trials" "$exp/baseline/$enrol.scp" "$exp/baseline/xvector.scp" "$out/baseline_scores"
  [ -z "$list" ] || echo "== ${list#_} =="
  "$here/steps/evaluate.sh" --name "$first" "${systems[@]}" --baseline "$out/baseline_scores" "$feats" "$trials" \
    "$out/scores" "$out"
done
end_step
