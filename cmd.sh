# cmd.sh: where jobs run; source it. Recipes under egs/ link to it.
#
# Here:             utils/run_local.sh, one job a processor; --max-jobs-run 4 for fewer at once.
# On a Slurm site:  "utils/run_slurm.sh --mem 4G", with your partition in SBATCH_PARTITION.
# Elsewhere:        any program with the call of Kaldi's run.pl and queue.pl, JOB=1:N LOG command … JOB …
# shellcheck shell=bash

export train_cmd="${train_cmd:-utils/run_local.sh}"
