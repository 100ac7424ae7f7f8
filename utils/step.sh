# step.sh: what every script in steps/ begins with, after its block of options: the options are read, the environment and
# the job runners are set. Then, where the step makes something:
#
#   begin_step make_feats "$out" --audio "$data" --conf "$conf" --keys features
#   …                                  work in the folder $WORK
#   end_step
#
# begin_step says what the step makes, and all that this depends on (timbre begin-step --help). Where the output is there
# and was made of the same, the script ends here with a line. Else the output is locked, and $WORK is the folder that
# becomes it, whole, in end_step. $JOB is the word for a job's number: job runners, Kaldi's too, replace it wherever it
# stands, so it is JOB, or JOB_ …, whichever no path of this step has in it. A second run that needs the output waits
# for the first. With --status and --dry-run the steps of a recipe declare themselves and do nothing.
# shellcheck shell=bash

__step_command=("$0" "$@")
# shellcheck source=utils/parse_options.sh
. "$(dirname "${BASH_SOURCE[0]}")/parse_options.sh"
# shellcheck source=path.sh
. "$(dirname "${BASH_SOURCE[0]}")/../path.sh"
# shellcheck source=cmd.sh
. "$(dirname "${BASH_SOURCE[0]}")/../cmd.sh"

begin_step() {
  __step_declaration=("$@") __step_began=$SECONDS
  if [[ -n ${TIMBRE_STATUS:-} ]]; then
    printf '%s\0' "${TIMBRE_STAGE:-}" "${#__step_command[@]}" "${__step_command[@]}" "$#" "$@" >>"$TIMBRE_STATUS"
    exit 0
  fi
  local lock
  lock=$(dirname "$2")/.$(basename "$2").lock
  [[ " $* " != *' --files '* ]] || lock=$2/.$1.lock
  lock_file "$lock" ${STEP_LOCK:+"$STEP_LOCK"}
  WORK=$(timbre begin-step --force "${TIMBRE_FORCE:-false}" "$@")
  [[ -n $WORK ]] || exit 0
  choose_job_word
}

# Sets $JOB; a step that has no output of its own calls it.
choose_job_word() {
  local values
  values=$(declare -p)
  JOB=JOB
  while [[ $values == *"$JOB"* ]]; do JOB+=_; done
}

end_step() {
  timbre end-step --work "$WORK" --seconds $((SECONDS - __step_began)) "${__step_declaration[@]}"
}

# link_beside DIR LINK: makes LINK, a path below DIR's own folder, lead to DIR; what leads there stays as it is.
link_beside() {
  local target
  target=$(realpath -m --relative-to "$(dirname "$2")" "$1")
  [ "$(readlink "$2")" = "$target" ] || { mkdir -p "$(dirname "$2")" && ln -sfn "$target" "$2"; }
}

# list_sources DIR: those of the data directories DIR/{noise,music,speech,rirs} that there are.
list_sources() {
  local kind
  for kind in noise music speech rirs; do
    [[ -z $1 || ! -d $1/$kind ]] || echo "$1/$kind"
  done
}

# find_corpus [--option O] [--layout L] [--kind K --download DIR --inside FOLDER] CORPUS DATA NAME: prints where a corpus is.
#   CORPUS synthetic   spoken into data/corpus, by conf/corpus.yaml, laid out like L
#   DIR                downloaded there, as K; its FOLDER is the corpus
#   CORPUS             a folder; where it is empty, the one that DATA was made of. NAME is for the message if none is known,
#                      and so is O, the recipe's option for it
find_corpus() {
  local option='--corpus DIR' layout='' kind='' download='' inside='' utils
  utils=$(dirname "${BASH_SOURCE[0]}")
  while [[ $1 == --* ]]; do
    printf -v "${1#--}" '%s' "$2"
    shift 2
  done
  if [[ $1 == synthetic && -n $layout ]]; then
    "$utils/make_corpus.sh" --nj "${nj:-2}" --layout "$layout" --conf conf/corpus.yaml data/corpus >&2 || exit 1
    echo data/corpus
  elif [[ -n $download ]]; then
    "$utils/../steps/download_corpus.sh" "$kind" "$download" >&2 || exit 1
    echo "$download${inside:+/$inside}"
  elif [[ -n $1 ]]; then
    echo "$1"
  elif [[ -e $2/prepared_from ]]; then
    cat "$2/prepared_from"
  else
    [[ -n ${TIMBRE_STATUS:-} ]] ||
      die "$option is missing: where $3 is${kind:+, or --download DIR, to fetch it}${layout:+, or synthetic}"
    echo "the corpus"
  fi
}

# list_folds FOLDS PART …: the folders FOLDS/<k>/PART, k = 1, 2, …; of one fold where there is none yet.
list_folds() {
  local k part count
  count=$(count_folds "$1")
  for ((k = 1; k <= (count ? count : 1); k++)); do
    for part in "${@:2}"; do echo "$1/$k/$part"; done
  done
}
