#!/usr/bin/env bash
# run_slurm.sh [--max-jobs-run N] [--mem M] [--num-threads N] [--gpu N] [JOB=1:N] LOG command [argument …]
# Runs jobs as one array job of Slurm and waits for them: what Kaldi's slurm.pl does. Each task is a run_local.sh with
# one job. What your site wants beside this (partition, account, time) goes into sbatch's own variables, such as
# SBATCH_PARTITION; the environment is handed on. The script for sbatch and what Slurm says stay beside the log, in q/.
set -euo pipefail
utils=$(dirname "$(readlink -f "$0")")
# shellcheck source=utils/jobs.sh
. "$utils/jobs.sh"
jobs_parse "$@"
command -v sbatch >/dev/null ||
  jobs_fail "no sbatch on this machine; set train_cmd and cuda_cmd to utils/run_local.sh in cmd.sh"

script=$(readlink -f "$(dirname "$jobs_log")")/q/$(basename "$jobs_log" .log).sh
mkdir -p "$(dirname "$script")"
{
  printf '#!/usr/bin/env bash\ncd %q || exit\nexec %q --num-threads %d ' "$PWD" "$utils/run_local.sh" "$jobs_threads"
  # shellcheck disable=SC2016 # the task's number, known when it runs
  [[ -z $jobs_name ]] || printf '%s="$SLURM_ARRAY_TASK_ID" ' "$jobs_name"
  printf '%q ' "$jobs_log" "${jobs_command[@]}"
  echo
} >"$script"

# Slurm replaces %a by the task's number, and %% by %.
options=(--parsable --wait --array="$jobs_first-$jobs_last${jobs_limit:+%$jobs_limit}")
options+=(--cpus-per-task="$jobs_threads" --job-name="$(jobs_title)" --output="${script//%/%%}.%a.out")
[[ -z $jobs_memory ]] || options+=(--mem="$jobs_memory")
((jobs_gpus == 0)) || options+=(--gres="gpu:$jobs_gpus")
for ((n = jobs_first; n <= jobs_last; n++)); do rm -f "$(jobs_log_of "$n")" "$script.$n.out"; done

array='' cluster=''
read_id() { # the line that sbatch prints: the number, and a cluster where there are several
  [[ ! -s $script.id ]] || IFS=';' read -r array cluster <"$script.id"
}
stop() {
  local waited
  for ((waited = 0; waited < 300; waited++)); do # sbatch may be about to submit
    read_id
    [[ -z $array && -n $(jobs -pr) ]] || break
    sleep 0.1
  done
  [[ -n $array ]] || return 0
  scancel ${cluster:+--clusters="$cluster"} "$array" || true
  wait "$submission" || true # until Slurm has ended them
}
# Slurm's words on a task that it ended: in the task's output, or else what it knows of the task, or of all tasks.
slurm_says() {
  local words of
  if words=$(grep -E '^slurm|^srun: |slurm_script: |oom.kill|error: ' "$script.$1.out" 2>/dev/null); then
    printf '%s: Slurm says in %s:\n' "${0##*/}" "$script.$1.out"
    awk '!seen[$0]++' <<<"$words" | tail -n 5 | cut -c -1000 | sed 's/^/  /'
  elif ! grep -qs '^# Ended (code' "$(jobs_log_of "$1")"; then
    for of in "${array}_$1" "$array"; do
      words=$(scontrol ${cluster:+--clusters="$cluster"} --oneliner show job "$of" 2>/dev/null | head -n 1 |
        grep -oE '(JobState|Reason|ExitCode)=[^ ]+' | paste -sd ' ') || continue
      printf '%s: Slurm says of job %s:\n  %s\n' "${0##*/}" "$of" "$words"
      break
    done
  fi
}

set -m # a process group of its own, so that Ctrl-C does not end it
sbatch "${options[@]}" "$script" >"$script.id" &
set +m
submission=$!
jobs_on_signal stop
jobs_watch "waiting for Slurm to start $(jobs_title)"
code=0
wait "$submission" || code=$?
jobs_end_watch
read_id
[[ -n $array ]] || jobs_fail "sbatch refused $script (code $code)"

# A shared file system may show the last lines of a log late.
for ((n = jobs_first, waited = 0; n <= jobs_last; n++)); do
  while ((code == 0 && waited++ < 60)) && ! jobs_done_well "$n"; do sleep 1; done
done
jobs_report slurm_says
