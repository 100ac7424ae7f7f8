# common.sh: what scripts have in common; utils/parse_options.sh sources it.
#   die "message"                    one line on stderr, exit 1
#   require_file PATH "who makes it" dies when PATH is missing or empty
#   count_folds DIR                  prints how many of DIR/1, DIR/2, … there are
#   write_file FILE LINE …           writes the lines, whole or not at all
#   share_processors N               gives each of N jobs its share of them (OMP_NUM_THREADS, unless it is set)
#   planned PLAN NAME                prints what the plan of an experiment calls NAME (timbre make-plan)
#   lock_file FILE [--shared]        waits until no other run holds it; held until this script and all it started end
#   lock_again                       waits until those that share the lock have ended, and holds it alone
# shellcheck shell=bash

die() {
  printf '%s: error: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

require_file() {
  [[ -e $1 ]] || die "$1: no such file; $2"
  [[ -s $1 ]] || die "$1: empty; $2"
}

# cannot_write FILE WORDS: dies of what the shell or a program has said, WORDS, when FILE was to be written.
cannot_write() {
  die "cannot write $1: ${2##*: }; look at its disk and folder (df -h, ls -ld), then run the same command again"
}

write_file() {
  local temporary said
  temporary=$(dirname "$1")/.$(basename "$1").$$.tmp
  if ! said=$({ printf '%s\n' "${@:2}" >"$temporary" && mv -f "$temporary" "$1"; } 2>&1); then
    rm -f "$temporary"
    cannot_write "$1" "$said"
  fi
}

count_folds() {
  local count=0
  while [[ -d $1/$((count + 1)) ]]; do count=$((count + 1)); done
  echo "$count"
}

share_processors() {
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((($(nproc) + $1 - 1) / $1))}
}

planned() {
  local name value
  while read -r name value; do
    if [[ $name == "$2" ]]; then
      printf '%s\n' "$value"
      return
    fi
  done <"$1/names"
}

lock_file() {
  local code=0 said
  if said=$({ mkdir -p "$(dirname "$1")" && : >>"$1"; } 2>&1); then
    exec {__lock}>>"$1" # stays open, and open in every child
  elif [[ -r $1 ]]; then
    exec {__lock}<"$1" # what is fresh on a disk for reading only can be used
  else
    cannot_write "$1" "$said"
  fi
  flock --nonblock --conflict-exit-code 99 "${@:2}" "$__lock" || code=$?
  if ((code == 99)); then
    printf '%s: waiting for %s\n' "${0##*/}" "$(<"$1")" >&2
    code=0
    flock "${@:2}" "$__lock" || code=$?
  fi
  ((code == 0)) || die "$1 cannot be locked (flock ended with code $code)"
  # For whoever waits; a full disk does not matter here.
  { printf 'process %d on %s, %s' $$ "$(uname -n)" "${TIMBRE_RUN:-$0}" >"$1"; } 2>/dev/null || true
}

lock_again() { flock "$__lock"; }
