#!/usr/bin/env bash
# run_local.sh [--max-jobs-run N] [JOB=1:N] LOG command [argument …]
# Runs jobs on this machine, as many at once as it has processors, or N: what Kaldi's run.pl does. JOB is replaced by
# the number of the job in LOG and in the command (utils/jobs.sh). --mem, --num-threads and --gpu are for run_slurm.sh.
set -euo pipefail
# shellcheck source=utils/jobs.sh
. "$(dirname "$(readlink -f "$0")")/jobs.sh"
jobs_parse "$@"

pids=()
stop() { # each job leads a process group, so that what it started ends with it
  trap - INT TERM HUP
  for pid in "${pids[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
  wait
  exit "$1"
}
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

# Shows the progress of the first job, the last line of its log, where people look.
watcher=''
if [[ -t 2 ]]; then
  log=$(jobs_log_of "$jobs_first")
  while sleep 1; do
    printf '\r\e[K%s' "$(tail -c 400 "$log" 2>/dev/null | tr '\r' '\n' | tail -n 1 | cut -c -100)"
  done >&2 &
  watcher=$!
fi

limit=${jobs_limit:-$(env -u OMP_NUM_THREADS nproc)} # nproc takes that for the number of processors
running=0
for ((n = jobs_first; n <= jobs_last; n++)); do
  if ((running >= limit && running > 0)); then
    wait -n || true # its log tells how it ended
    running=$((running - 1))
  fi
  set -m # a process group of its own
  jobs_run "$n" &
  set +m
  pids+=($!)
  running=$((running + 1))
done
wait "${pids[@]}" || true
if [[ -n $watcher ]]; then
  kill "$watcher"
  printf '\r\e[K' >&2
fi
jobs_report
