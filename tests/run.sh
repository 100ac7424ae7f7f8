#!/usr/bin/env bash
# Sets up the environment and runs the tests, on all processors:
#   tests/run.sh [--all] [pytest options]
# Without --all the tests of a few minutes; with it every conf of every recipe, recipes as separate processes,
# several processes of training, benchmarks and the commands of the READMEs as well. Options of pytest may follow:
# a file to run, -k, -x, -n 0 for one process, --pdb.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
# shellcheck source=path.sh
. ./path.sh
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # each process of the tests has one processor
exec "${TIMBRE_PYTHON:-python3}" -m pytest -n auto --dist loadfile --no-loadscope-reorder --durations 15 "$@"
