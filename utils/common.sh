# common.sh: what run.sh and steps/*.sh have in common; utils/parse_options.sh sources it.
#   die "message"                    one line on stderr, exit 1
#   require_file PATH "who makes it" dies when PATH is missing or empty
#   count_folds DIR                  prints how many of DIR/1, DIR/2, … there are
#   share_processors N               gives each of N jobs its share of them (OMP_NUM_THREADS, unless it is set)
#   lock_dir DIR                     dies when another run works in DIR; held until this script and all it started end
# shellcheck shell=bash

die() {
  printf '%s: error: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

require_file() {
  [[ -e $1 ]] || die "$1: no such file; $2"
  [[ -s $1 ]] || die "$1: empty; $2"
}

count_folds() {
  local count=0
  while [[ -d $1/$((count + 1)) ]]; do count=$((count + 1)); done
  echo "$count"
}

share_processors() {
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((($(nproc) + $1 - 1) / $1))}
}

lock_dir() {
  local dir fd code=0
  mkdir -p "$1" || die "$1: cannot be made"
  dir=$(readlink -f "$1")
  [[ :${TIMBRE_LOCKS:-}: != *":$dir:"* ]] || return 0 # the script that called this one holds it
  exec {fd}>>"$dir/.lock"                             # stays open, and open in every child
  flock --nonblock --conflict-exit-code 99 "$fd" || code=$?
  ((code != 99)) || die \
    "$1 is in use by another run (process $(<"$dir/.lock")); wait for it or give --exp another name"
  ((code == 0)) || die "$1 cannot be locked (flock ended with code $code)"
  echo $$ >"$dir/.lock"
  export TIMBRE_LOCKS=${TIMBRE_LOCKS:-}:$dir
}
