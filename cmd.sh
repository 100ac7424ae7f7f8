# cmd.sh: where jobs run; source it. Recipes under egs/ link to it.
#
#   train_cmd  jobs on processors: features, scores
#   cuda_cmd   training and embedding, on a GPU where there is one
#
# Here:             utils/run_local.sh, one job a processor; --max-jobs-run 4 for fewer at once.
# On a Slurm site:  train_cmd="utils/run_slurm.sh --mem 4G"
#                   cuda_cmd="utils/run_slurm.sh --gpu 1 --mem 16G"
#                   with your partition in SBATCH_PARTITION (docs/cluster.md).
# Elsewhere:        any program with the call of Kaldi's run.pl and queue.pl, JOB=1:N LOG command … JOB …
#                   (steps take another word than JOB where a path has that in it)
# shellcheck shell=bash

export train_cmd="${train_cmd:-utils/run_local.sh}"
export cuda_cmd="${cuda_cmd:-utils/run_local.sh}"
