# recipe.sh: what every run.sh begins with, after its block of options. It reads the options, goes to the recipe's folder
# and sets up the environment; a run.sh then has
#
#   if stage 2 "train: …"; then
#     steps/train_encoder.sh …
#   fi
#
#   stage N TEXT      whether stage N is to be run; the time that each took is printed. Before the first that is run the
#                     steps of stages 1 to --stage are asked whether what they have made is fresh
#   from_caller PATH  a path of the caller's as an absolute one; nothing, and the word synthetic, stay as they are
#   make_plan …       timbre make-plan; with --status the plan is a temporary one
# shellcheck shell=bash

stage=0        # first stage to run
stop_stage=99  # last stage to run
status=false   # say which stages are fresh, stale or missing, and why; do nothing
dry_run=false  # say which steps would be run; do nothing
force=false    # make the stages from --stage on anew, whatever their records say
__recipe_words="$0 $*"
# shellcheck source=utils/parse_options.sh
. "$(dirname "${BASH_SOURCE[0]}")/parse_options.sh"
(($# == 0)) || die "unexpected argument '$1'; options are --name value (--help lists them)"
__recipe_caller=$PWD
cd "$(dirname "$0")" || exit 1
# shellcheck source=path.sh
. ./path.sh

no_temporary_files() {
  die "${TMPDIR:-/tmp}: no temporary file can be made there; free some space (df -h), or name another folder: TMPDIR=DIR"
}

__recipe_stages=() # all that the recipe has asked for
__recipe_asked=()  # those that are to be run, as number=text
__recipe_stage='' __recipe_text='' __recipe_started=0
__recipe_status='' # with --status a folder for the steps' declarations
__recipe_before='' # a file for the declarations of the stages before --stage
export TIMBRE_FORCE=$force TIMBRE_RUN=$__recipe_words
if [[ $status == true || $dry_run == true ]]; then
  __recipe_status=$(mktemp -d 2>/dev/null) || no_temporary_files
  export TIMBRE_STATUS=$__recipe_status/steps
  : >"$TIMBRE_STATUS"
fi

stage() {
  __recipe_stages+=("$1")
  (($1 <= stop_stage)) || return 1
  export TIMBRE_STAGE=$1 TIMBRE_RUN="stage $1 of ${__recipe_words:0:80}"
  if (($1 < stage)); then # its steps declare themselves, so that nothing is made of what is stale
    [[ -z $__recipe_status && $1 -gt 0 ]] || return 1
    [[ -n $__recipe_before ]] || __recipe_before=$(mktemp 2>/dev/null) || no_temporary_files
    export TIMBRE_STATUS=$__recipe_before
    return 0
  fi
  if [[ -n $__recipe_before ]]; then
    unset TIMBRE_STATUS
    timbre show-status --refuse-stale true "$__recipe_before" || exit 1
    rm -f "$__recipe_before"
    __recipe_before=''
  fi
  __recipe_asked+=("$1=$2")
  [[ -z $__recipe_status ]] || return 0
  __recipe_took
  __recipe_stage=$1 __recipe_text=$2 __recipe_started=$SECONDS
  printf '== stage %s: %s == %s\n' "$1" "$2" "$(date '+%F %T')"
}

from_caller() {
  if [[ -z $1 || $1 == synthetic ]]; then
    echo "$1"
  else
    (cd "$__recipe_caller" && realpath -m -- "$1")
  fi
}

make_plan() {
  timbre make-plan ${__recipe_status:+--temporary "$__recipe_status/plan"} "$@"
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
  rm -f "$__recipe_before"
  if [[ -n $__recipe_status ]]; then
    ((code)) || timbre show-status --commands "$dry_run" "${__recipe_asked[@]/#/--stage=}" "$TIMBRE_STATUS" || code=$?
    rm -rf "$__recipe_status"
    exit "$code"
  elif ((code)) && [[ -n $__recipe_stage ]]; then
    printf '%s: stage %s (%s) ended with code %d after %s; to go on from there: --stage %s\n' \
      "${0##*/}" "$__recipe_stage" "$__recipe_text" "$code" "$(__recipe_time)" "$__recipe_stage" >&2
  elif ((code == 0 && ${#__recipe_stages[@]})) && [[ -z $__recipe_stage ]]; then
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
