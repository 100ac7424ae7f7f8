#!/usr/bin/env bash
# setup.sh: makes the Python environment .venv in the root from requirements.txt; path.sh calls it when needed.
#
# TIMBRE_BOOTSTRAP_PYTHON=/path/to/python3.11  the Python to make it with (3.10 to 3.12)
# TIMBRE_TORCH_INDEX=https://download.pytorch.org/whl/cpu
#   another index for torch and torchaudio, both from it, as they must be of one build: here the CPU-only one,
#   which is far smaller; /whl/cu126 and so on are builds for other CUDA versions.
set -euo pipefail
root=$(dirname "$(readlink -f "$0")")/..
root=$(readlink -f "$root")
venv=$root/.venv log=$root/.venv/setup.log
stamp=$(sha256sum <"$root/requirements.txt")
unset PYTHONPATH PYTHONHOME # or pip would count packages that lie there as installed

fail() {
  echo "setup.sh: error: $1" >&2
  exit 1
}

up_to_date() { [[ -x $venv/bin/python3 && -f $venv/.stamp && $(<"$venv/.stamp") == "$stamp" ]]; }

is_suitable() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }

find_python() {
  local name names=(python3 python3.12 python3.11 python3.10)
  [[ -z ${TIMBRE_BOOTSTRAP_PYTHON:-} ]] || names=("$TIMBRE_BOOTSTRAP_PYTHON")
  for name in "${names[@]}"; do
    if is_suitable "$name"; then
      command -v "$name"
      return
    fi
  done
  fail "no Python 3.10, 3.11 or 3.12 found, but ${TIMBRE_BOOTSTRAP_PYTHON:-$(python3 --version 2>&1)}; install one \
(apt install python3.11 python3.11-venv), or name one by TIMBRE_BOOTSTRAP_PYTHON, or your environment by TIMBRE_PYTHON"
}

pip_complaint() {
  echo "pip could not install: $(grep '^ERROR' "$log" | tail -n 1 | grep . || tail -n 1 "$log")"
  ! grep -q -e 'connection broken' -e 'timed out' "$log" || echo "; there were network failures: is the index reachable?"
}

# The log has all that pip says; of that, the screen shows the large downloads and the last step.
pip_install() {
  "$venv/bin/python3" -m pip install --progress-bar off "$@" 2>&1 | tee -a "$log" |
    sed -un -e 's/^ *Downloading \([^-]*\)-\([^-]*\)-[^ ]* (\([0-9]\{2,\}[0-9.]* [MG]B\)).*/  downloading \1 \2, \3/p' \
      -e 's/^Installing collected.*/  installing/p' ||
    fail "$(pip_complaint | tr -d '\n') (all of it: $log)"
}

mkdir -p "$venv"
exec 9>>"$venv/.lock"
if ! flock --nonblock 9; then
  echo "setup.sh: another set-up is under way; waiting for it"
  flock 9
fi
if up_to_date; then exit 0; fi

started=$SECONDS
python=$(find_python)
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
  fail "$python has no venv module; install it (apt install python3-venv), or name a Python by TIMBRE_BOOTSTRAP_PYTHON"
find "$venv" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} + # outdated, or left by an interruption
need=8 hint=", or 2 GB with TIMBRE_TORCH_INDEX=https://download.pytorch.org/whl/cpu (CPU only)"
[[ ${TIMBRE_TORCH_INDEX:-} != */cpu* ]] || need=2 hint=''
free=$(df -Pk "$root" | awk 'NR == 2 {printf "%.1f", $4 / 1024 / 1024}')
awk -v free="$free" -v need="$need" 'BEGIN {exit free < need}' ||
  fail "too little disk space: $root has $free GB free, making the environment needs about $need GB$hint"

echo "setup.sh: making the Python environment $venv with $python (needs about $need GB)"
"$python" -m venv "$venv" >"$log" 2>&1 || fail "$python -m venv $venv: $(tail -n 1 "$log") (all of it: $log)"
export PIP_DISABLE_PIP_VERSION_CHECK=1
export TMPDIR=$venv/tmp # wheels are unpacked here: /tmp may be small
mkdir "$TMPDIR"
if [[ -n ${TIMBRE_TORCH_INDEX:-} ]]; then
  mapfile -t torch < <(grep -E '^torch(audio)?==' "$root/requirements.txt")
  pip_install --no-deps --index-url "$TIMBRE_TORCH_INDEX" "${torch[@]}" # what they need comes with the rest
fi
pip_install -r "$root/requirements.txt"
rm -rf "$TMPDIR"
echo "$stamp" >"$venv/.stamp" # last: an environment without it is made anew
echo "setup.sh: environment ready in $((SECONDS - started)) s"
