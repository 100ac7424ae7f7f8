# path.sh: the environment of every script; source it. Recipes under egs/ link to it.
#
# The Python environment is .venv in the root, set up when first needed (utils/setup.sh) and again when
# requirements.txt changes. TIMBRE_PYTHON=/path/to/python3 takes your own instead and sets up nothing.
# shellcheck shell=bash

TIMBRE_ROOT=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
export TIMBRE_ROOT

if [[ -n ${TIMBRE_PYTHON:-} ]]; then
  __timbre_python=$(command -v "$TIMBRE_PYTHON") || {
    echo "path.sh: error: TIMBRE_PYTHON=$TIMBRE_PYTHON: no such program; give a python3, or unset it" >&2
    return 1
  }
  [[ ${PYTHONPATH:-} == "$TIMBRE_ROOT/src"* ]] || PYTHONPATH=$TIMBRE_ROOT/src${PYTHONPATH:+:$PYTHONPATH}
else
  __timbre_python=$TIMBRE_ROOT/.venv/bin/python3
  # The stamp is the hash of the requirements that were installed: comparing it takes milliseconds.
  if [[ ! -x $__timbre_python || ! -f $TIMBRE_ROOT/.venv/.stamp ]] ||
    [[ $(<"$TIMBRE_ROOT/.venv/.stamp") != "$(sha256sum <"$TIMBRE_ROOT/requirements.txt")" ]]; then
    "$TIMBRE_ROOT/utils/setup.sh" || return 1
  fi
  PYTHONPATH=$TIMBRE_ROOT/src # and nothing else, which could shadow the environment's packages
fi
export PYTHONPATH
[[ $PATH == "$TIMBRE_ROOT/utils:${__timbre_python%/*}:"* ]] || PATH=$TIMBRE_ROOT/utils:${__timbre_python%/*}:$PATH
export PATH
unset -v __timbre_python

# Sorting by bytes, as all of Kaldi's tables are; Python reads and writes UTF-8 all the same, and prints at once.
export LC_ALL=C PYTHONUTF8=1 PYTHONUNBUFFERED=1

# glibc hands large blocks back to the system and faults them in again at every training step. Keeping them makes
# training on a CPU take 0.53 to 0.86 of the time; the memory stays with the process until it ends.
# TIMBRE_DEFAULT_MALLOC=1 leaves glibc as it is.
if [[ -z ${TIMBRE_DEFAULT_MALLOC:-} ]]; then
  export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 MALLOC_TOP_PAD_=268435456
fi

# OpenMP's threads spin while they wait for each other, and so take the processors from other processes. Bounded, the
# spinning makes a training step 9 % slower where nothing else runs, and two trainings on two cores 1.9 times as fast
# (benchmarks/spinning.py). GOMP_SPINCOUNT and OMP_WAIT_POLICY of yours stand.
[[ -n ${OMP_WAIT_POLICY:-} ]] || export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-1000}
