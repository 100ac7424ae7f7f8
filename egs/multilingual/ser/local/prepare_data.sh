#!/usr/bin/env bash
# The data directories of all languages: local/prepare_data.sh [options] <lang>=<corpus> … <out>
# where <lang> is en (IEMOCAP), de (EMO-DB), fa (ShEMO) or fr (CaFE); makes <out>/<lang>/all and
# <out>/<lang>/folds/<k>/{train,test}, ids beginning with '<lang>-', and the joint <out>/all and <out>/folds. Where no
# <corpus> is named those of the last run are taken.
set -euo pipefail

protocol=speaker_independent  # speaker_independent, or source: a random 20 % of the utterances are tested
bad_audio=fail                # audio that cannot be used: fail, or skip
seed=1                        # of source's split
. utils/step.sh

[ $# -ge 1 ] || die "expected <lang>=<corpus> … <out>, found $# arguments"
out=${*: -1} pairs=()
for pair in "${@:1:$#-1}"; do [[ $pair == *= ]] || pairs+=("$pair"); done
[ ${#pairs[@]} -gt 0 ] || [ ! -e "$out/corpora" ] || mapfile -t pairs <"$out/corpora"
declare -A kind=([en]=iemocap [de]=emodb [fa]=shemo [fr]=cafe)
languages=()
for pair in "${pairs[@]}"; do
  lang=${pair%%=*}
  [[ $pair == *=* && -n ${kind[$lang]-} ]] || die "'$pair': expected <lang>=<corpus> with one of the languages en de fa fr"
  languages+=("$lang")
done
[ ${#pairs[@]} -gt 0 ] || [ -n "${TIMBRE_STATUS:-}" ] ||
  die "--corpus-en, -de, -fa or -fr DIR is missing, or --corpus synthetic"
begin_step prepare_data "$out" --edited --files about corpora 'all/*' 'folds/*/*/*' '*/all/*' '*/mixed/*' '*/folds/*/*/*' \
  "${pairs[@]/#*=/--corpus=}" --value languages="${languages[*]}" --value protocol="$protocol" \
  --value bad_audio="$bad_audio" --value seed="$seed"

if [ -e "$out/all/utt2lang" ]; then # folds of fewer languages would stand among those of more
  found=$(awk '{print $2}' "$out/all/utt2lang" | sort -u | xargs)
  wanted=$(printf '%s\n' "${languages[@]}" | sort -u | xargs)
  [ "$found" = "$wanted" ] || die "$out is of other languages ($found, not $wanted); remove it, and what was trained on it"
fi
for pair in "${pairs[@]}"; do
  lang=${pair%%=*} corpus=${pair#*=}
  here=$out/$lang
  timbre prepare --corpus-kind "${kind[$lang]}" --corpus "$corpus" --prefix "$lang" --option bad_audio="$bad_audio" \
    --option mix=true --out "$here"
  folds=(timbre make-folds --labels utt2emotion)
  case $protocol-$lang in
    source-*)
      utils/split_utterances.sh --labels utt2emotion --unit utterance --share 0.2 --seed "$seed" \
        "$here/all" "$here/folds/1/train" "$here/folds/1/test"
      ;;
    *-en) "${folds[@]}" --unit session "$here/all" "$here/folds" ;;
    *-de) "${folds[@]}" --unit speaker "$here/all" "$here/folds" ;;
    *-fa) "${folds[@]}" --unit speaker --folds 5 "$here/all" "$here/folds" ;;
    *-fr) # a man, whose number is odd, and the woman after him
      awk '{ number = substr($1, length($1) - 1); printf "%s pair%d\n", $1, (number + 1) / 2 }' \
        "$here/all/spk2utt" >"$here/pairs"
      "${folds[@]}" --unit speaker --together "$here/pairs" "$here/all" "$here/folds"
      ;;
  esac
done
timbre join-folds "${languages[@]/#/$out/}" "$out"
about=$({
  for lang in "${languages[@]}"; do cat "$out/$lang/about"; done
  echo "Protocol: $protocol."
} | paste -sd' ')
write_file "$out/about" "$about"
write_file "$out/corpora" "${pairs[@]}"
end_step
