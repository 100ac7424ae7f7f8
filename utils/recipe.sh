# recipe.sh: the stages of a run.sh, which sources this after utils/parse_options.sh.
#
#   if stage 2 "train the encoder"; then
#       steps/train.sh …
#   fi
#
# is run when --stage 2 or less and --stop-stage 2 or more; the time each stage took is printed.
# shellcheck shell=bash

__recipe_stages=() # all that the recipe has asked for
__recipe_stage='' __recipe_text='' __recipe_started=0

stage() {
  __recipe_stages+=("$1")
  # shellcheck disable=SC2154 # stage and stop_stage are options of the recipe
  (($1 >= stage && $1 <= stop_stage)) || return 1
  __recipe_took
  __recipe_stage=$1 __recipe_text=$2 __recipe_started=$SECONDS
  printf '== stage %s: %s == %s\n' "$1" "$2" "$(date '+%F %T')"
}

__recipe_took() {
  [[ -z $__recipe_stage ]] || echo "== stage $__recipe_stage took $(__recipe_time) =="
}

__recipe_time() {
  local seconds=$((SECONDS - __recipe_started))
  printf '%d:%02d:%02d' $((seconds / 3600)) $((seconds / 60 % 60)) $((seconds % 60))
}

# A failure names its stage, and a run that had nothing to do says so instead of looking like a success.
__recipe_end() {
  local code=$?
  if ((code)) && [[ -n $__recipe_stage ]]; then
    printf '%s: stage %s (%s) ended with code %d after %s; to go on from there: --stage %s\n' \
      "${0##*/}" "$__recipe_stage" "$__recipe_text" "$code" "$(__recipe_time)" "$__recipe_stage" >&2
  elif ((code == 0 && ${#__recipe_stages[@]})) && [[ -z $__recipe_stage ]]; then
    # shellcheck disable=SC2154
    printf '%s: error: nothing to do: --stage %s --stop-stage %s leaves none of the stages %s\n' \
      "${0##*/}" "$stage" "$stop_stage" "${__recipe_stages[*]}" >&2
    exit 1
  elif ((code == 0)); then
    __recipe_took
  fi
}
trap __recipe_end EXIT
trap 'exit 143' TERM
trap 'exit 129' HUP
