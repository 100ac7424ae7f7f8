# jobs.sh: what run_local.sh and run_slurm.sh share: the call, a job and its log, the report. Sourced by both.
#
#   run_x.sh [options] [JOB=1:N] LOG command [argument …]
#
# JOB, which may be any identifier, is replaced by 1, 2, … N in LOG and in each word of the command. The words are
# handed to the program as they are; no shell reads them, so pipes and redirections belong into a script.
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
        --max-jobs-run) jobs_limit=$2 ;;
        --num-threads) jobs_threads=$2 ;;
        --gpu) jobs_gpus=$2 ;;
        --mem) jobs_memory=$2 ;;
        *) jobs_fail "invalid option $1; $usage" ;;
      esac
      [[ $1 == --mem || $2 =~ ^(0|[1-9][0-9]*)$ ]] || jobs_fail "expected a whole number: $1 $2"
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

# jobs_run N: runs one job, its output in its log.
jobs_run() {
  local log started=$SECONDS code=0 command=("${jobs_command[@]}")
  log=$(jobs_log_of "$1")
  [[ -z $jobs_name ]] || command=("${command[@]//"$jobs_name"/$1}")
  {
    printf '# %s\n# Started at %s\n#\n' "${command[*]}" "$(date)"
    "${command[@]}" || code=$?
    printf '# Accounting: time=%d threads=%d\n' $((SECONDS - started)) "$jobs_threads"
    printf '# Ended (code %d) at %s, elapsed time %d seconds\n' "$code" "$(date)" $((SECONDS - started))
  } >"$log" 2>&1 </dev/null
  return "$code"
}

# Whether the last line of job N's log says that it ended well; a job that was killed has no such line.
jobs_done_well() { tail -n 1 "$(jobs_log_of "$1")" 2>/dev/null | grep -q '^# Ended (code 0) at '; }

# Says which jobs failed, with the last lines of the first one's log; fails if any did.
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
    grep '^# Ended (code' "$log" | sed 's/^# /  /' || echo "  (killed before it ended)"
  else
    echo "  (it was never written)"
  fi
  return 1
} >&2
