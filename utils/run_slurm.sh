#!/usr/bin/env bash
# run_slurm.sh [--max-jobs-run N] [--mem M] [--num-threads N] [--gpu N] [JOB=1:N] LOG command [argument …]
# Runs jobs as one array job of Slurm and waits for them: what Kaldi's slurm.pl does. Each task is a run_local.sh with
# one job. What your site wants beside this (partition, account, time) goes into sbatch's own variables, such as
# SBATCH_PARTITION; the environment is handed on. The script for sbatch stays beside the log, in q/.
set -euo pipefail
utils=$(dirname "$(readlink -f "$0")")
# shellcheck source=utils/jobs.sh
. "$utils/jobs.sh"
jobs_parse "$@"
command -v sbatch >/dev/null || jobs_fail "no sbatch on this machine; set train_cmd to utils/run_local.sh in cmd.sh"

script=$(dirname "$jobs_log")/q/$(basename "$jobs_log" .log).sh
mkdir -p "$(dirname "$script")"
{
  printf '#!/usr/bin/env bash\ncd %q\nexec %q --num-threads %d ' "$PWD" "$utils/run_local.sh" "$jobs_threads"
  # shellcheck disable=SC2016 # the task's number, known when it runs
  [[ -z $jobs_name ]] || printf '%s="$SLURM_ARRAY_TASK_ID" ' "$jobs_name"
  printf '%q ' "$jobs_log" "${jobs_command[@]}"
  echo
} >"$script"

options=(--parsable --wait --array="$jobs_first-$jobs_last${jobs_limit:+%$jobs_limit}")
options+=(--cpus-per-task="$jobs_threads" --job-name="$(basename "$jobs_log" .log)" --output="$script.%a.out")
[[ -z $jobs_memory ]] || options+=(--mem="$jobs_memory")
((jobs_gpus == 0)) || options+=(--gres="gpu:$jobs_gpus")
for ((n = jobs_first; n <= jobs_last; n++)); do rm -f "$(jobs_log_of "$n")"; done

sbatch "${options[@]}" "$script" >"$script.id" &
stop() {
  trap - INT TERM HUP
  [[ ! -s $script.id ]] || scancel "$(head -n 1 "$script.id" | cut -d ';' -f 1)"
  exit "$1"
}
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM
code=0
wait $! || code=$?
[[ -s $script.id ]] || jobs_fail "sbatch refused $script (code $code)"

# A shared file system may show the last lines of a log late.
for ((n = jobs_first, waited = 0; n <= jobs_last; n++)); do
  while ((code == 0 && waited++ < 60)) && ! jobs_done_well "$n"; do sleep 1; done
done
jobs_report
