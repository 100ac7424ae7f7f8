#!/usr/bin/env bash
# run_local.sh [--max-jobs-run N] [JOB=1:N] LOG command [argument …]
# Runs jobs on this machine, as many at once as it has processors, or N: what Kaldi's run.pl does. JOB is replaced by
# the number of the job in LOG and in the command (utils/jobs.sh). --mem, --num-threads and --gpu are for run_slurm.sh.
set -euo pipefail
# shellcheck source=utils/jobs.sh
. "$(dirname "$(readlink -f "$0")")/jobs.sh"
jobs_parse "$@"

pids=() # each job leads a process group, so that what it started ends with it
signal_jobs() {
  local pid
  for pid in "${pids[@]}"; do kill "-$1" -- "-$pid" 2>/dev/null || true; done
}
stop() {
  local waited
  signal_jobs TERM
  trap 'signal_jobs KILL' INT # Ctrl-C again, by which bash ends
  for ((waited = 0; waited < 300; waited++)); do # half a minute to save what they have
    [[ -n $(jobs -pr) ]] || break
    sleep 0.1
  done
  signal_jobs KILL
}
jobs_on_signal stop
jobs_watch ''

limit=${jobs_limit:-$(env -u OMP_NUM_THREADS nproc)} # nproc takes that for the number of processors
for ((n = jobs_first; n <= jobs_last; n++)); do
  while (($(jobs -pr | wc -l) >= limit)); do wait -n || true; done
  set -m # a process group of its own
  jobs_run "$n" &
  set +m
  pids+=($!)
done
wait "${pids[@]}" || true # their logs tell how they ended
jobs_end_watch
jobs_report :
