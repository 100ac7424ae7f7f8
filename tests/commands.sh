#!/usr/bin/env bash
# commands.sh [--list] [--page README.md] [--minutes 2] [--out table.md]: runs every command that the README, docs/ and the
# recipes' pages show, as it stands there, in a fresh clone (of what is committed); tests/commands.yaml says what each takes.
set -euo pipefail
root=$(dirname "$(readlink -f "$0")")/..
# shellcheck source=path.sh
. "$root/path.sh"
exec "${TIMBRE_PYTHON:-python3}" "$root/tests/commands.py" "$@"
