# jobs.sh: what run_local.sh and run_slurm.sh share: the call, a job and its log, signals, the report. Sourced by both.
#
#   run_x.sh [options] [JOB=1:N] LOG command [argument …]
#
# JOB, which may be any identifier, is replaced by 1, 2, … N wherever it stands in LOG and in the words of the command, as
# by Kaldi's runners: take one that no path has in it. Without it there is one job. The words are handed to the program
# as they are; no shell reads them, so pipes and redirections belong into a script. Of an option given twice the last
# value counts (of --max-jobs-run the smallest): a step may add --gpu 2 to what cmd.sh says.
# shellcheck shell=bash

jobs_fail() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

# Reads the call into jobs_name, jobs_first, jobs_last, jobs_log, jobs_command and the options.
# shellcheck disable=SC2034 # the options are read by the scripts that source this
jobs_parse() {
  local usage="usage: ${0##*/} [--max-jobs-run N] [--mem M] [--num-threads N] [--gpu N] [JOB=1:N] LOG command …"
  jobs_name='' jobs_first=1 jobs_last=1 jobs_limit='' jobs_memory='' jobs_threads=1 jobs_gpus=0
  while (($#)); do
    if [[ $1 == --* ]]; then
      (($# > 1)) || jobs_fail "missing value for $1"
      case $1 in
        --mem) ;;
        --max-jobs-run | --num-threads | --gpu)
          [[ $2 =~ ^[1-9][0-9]*$ || "$1 $2" == '--gpu 0' ]] || jobs_fail "expected a whole number: $1 $2"
          ;;
        *) jobs_fail "invalid option $1; $usage" ;;
      esac
      case $1 in
        --max-jobs-run) ((jobs_limit > 0 && jobs_limit < $2)) || jobs_limit=$2 ;; # both limits hold
        --num-threads) jobs_threads=$2 ;;
        --gpu) jobs_gpus=$2 ;;
        --mem) jobs_memory=$2 ;;
      esac
      shift 2
    elif [[ -z $jobs_name && $1 =~ ^([A-Za-z_][A-Za-z0-9_]*)=([0-9]+)(:([0-9]+))?$ ]]; then
      jobs_name=${BASH_REMATCH[1]} jobs_first=$((10#${BASH_REMATCH[2]}))
      jobs_last=$((10#${BASH_REMATCH[4]:-${BASH_REMATCH[2]}}))
      ((jobs_first >= 1)) || jobs_fail "invalid job range $1, start must be strictly positive"
      ((jobs_first <= jobs_last)) || jobs_fail "invalid job range $1, its end comes before its start"
      shift
    else
      break
    fi
  done
  (($# > 1)) || jobs_fail "$usage"
  jobs_log=$1 jobs_command=("${@:2}")
  if ((jobs_last > jobs_first)) && [[ $jobs_log != *"$jobs_name"* ]]; then
    jobs_fail "you are trying to run a parallel job but you are putting the output into just one log file ($jobs_log)"
  fi
  local word
  for word in "${jobs_command[@]}"; do
    case $word in
      '|' | '||' | '&&' | '<' | '>' | '>>') jobs_fail "no shell reads '$word'; put the pipeline into a script" ;;
    esac
  done
  mkdir -p "$(dirname "$jobs_log")" || jobs_fail "the folder of $jobs_log cannot be made"
}

# jobs_log_of N: the log of one job.
jobs_log_of() {
  if [[ -n $jobs_name ]]; then echo "${jobs_log//"$jobs_name"/$1}"; else echo "$jobs_log"; fi
}

# jobs_title: a readable name of the jobs, from the folders below the last exp/ or data/ and the log's own name:
# exp/xvector_am/log/train.log gives xvector_am.train, data/mfcc-1a2b3c/test/log/feats.JOB.log mfcc-1a2b3c.test.feats.
jobs_title() {
  local folders folder title='' step
  step=$(basename "$jobs_log" .log)
  IFS=/ read -ra folders <<<"$(dirname "$jobs_log")"
  for folder in "${folders[@]}"; do
    case $folder in
      exp | data) title='' ;;
      '' | log | .*) ;; # of every step, or temporary
      *) title+=$folder. ;;
    esac
  done
  [[ -z $jobs_name ]] || step=${step//[._-]"$jobs_name"/}
  printf '%s' "$title$step" | tr -c '[:alnum:]._=+-' _
}

# jobs_run N: runs one job, its output in its log.
jobs_run() {
  local log started=$SECONDS code=0 command=("${jobs_command[@]}")
  log=$(jobs_log_of "$1")
  [[ -z $jobs_name ]] || command=("${command[@]//"$jobs_name"/$1}")
  trap : TERM # the command ends by it; then the log says so
  {
    printf '#' && printf ' %q' "${command[@]}"
    printf '\n# Started at %(%a %b %e %T %Z %Y)T\n#\n' -1
    "${command[@]}" || code=$?
    printf '# Accounting: time=%d threads=%d\n' $((SECONDS - started)) "$jobs_threads"
    printf '# Ended (code %d) at %(%a %b %e %T %Z %Y)T, elapsed time %d seconds\n' "$code" -1 $((SECONDS - started))
  } >"$log" 2>&1 </dev/null
  return "$code"
}

# Whether the last line of job N's log says that it ended well; a job that was killed has no such line.
jobs_done_well() { tail -n 1 "$(jobs_log_of "$1")" 2>/dev/null | grep -q '^# Ended (code 0) at '; }

# jobs_on_signal FUNCTION: Ctrl-C, SIGTERM and SIGHUP call FUNCTION, which stops the jobs; the code is 128 + the signal.
jobs_on_signal() {
  local each
  for each in HUP:1 INT:2 TERM:15; do
    # shellcheck disable=SC2064 # known now
    trap "jobs_end_watch; trap - HUP INT TERM; $1; exit $((128 + ${each#*:}))" "${each%:*}"
  done
}

# jobs_watch WORDS: shows the last line of the first job's log where people look; until there is one, WORDS.
jobs_watch() {
  local log
  [[ -t 2 ]] || return 0
  log=$(jobs_log_of "$jobs_first")
  set -m # a process group of its own, so that nothing of it is left over
  while sleep 1; do
    if [[ -s $log ]]; then
      printf '\r\e[K%s' "$(tail -c 400 "$log" | tr '\r' '\n' | tail -n 1 | cut -c -100)"
    else
      printf '\r\e[K%s' "$1"
    fi
  done >&2 &
  set +m
  jobs_watcher=$!
  disown "$jobs_watcher" # not one of the jobs
}

jobs_end_watch() {
  [[ -n ${jobs_watcher:-} ]] || return 0
  kill -- "-$jobs_watcher" 2>/dev/null || true
  jobs_watcher=''
  printf '\r\e[K' >&2
}

# jobs_report FUNCTION: says which jobs failed, with the last lines of the first one's log and what FUNCTION prints, given
# that one's number; fails if any did.
jobs_report() {
  local failed=() n log
  for ((n = jobs_first; n <= jobs_last; n++)); do
    jobs_done_well "$n" || failed+=("$n")
  done
  ((${#failed[@]})) || return 0
  log=$(jobs_log_of "${failed[0]}")
  if ((jobs_first == jobs_last)); then
    printf '%s: job failed, log is in %s\n' "${0##*/}" "$log"
  else
    printf '%s: %d / %d failed, log is in %s\n' \
      "${0##*/}" "${#failed[@]}" $((jobs_last - jobs_first + 1)) "$(jobs_log_of '*')"
  fi
  printf '%s: the last lines of %s:\n' "${0##*/}" "$log"
  if [[ -f $log ]]; then
    tr '\r' '\n' <"$log" | sed -e '/^#/d' -e '/^$/d' | tail -n 5 | cut -c -1000 | sed 's/^/  /'
    if grep -q '^# Ended (code' "$log"; then
      grep '^# Ended (code' "$log" | sed 's/^# /  /'
    elif { head -c 65536 /dev/zero >"$log.tmp" && rm "$log.tmp"; } 2>/dev/null; then
      echo "  (killed before it ended)"
    else
      rm -f "$log.tmp"
      echo "  (the log could not be written to its end: look at its disk with df -h, then run the same command again)"
    fi
  else
    echo "  (it was never written)"
  fi
  "$1" "${failed[0]}"
  return 1
} >&2
