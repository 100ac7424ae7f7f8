#!/usr/bin/env bash
# Downloads a free corpus, or goes on with it where it was interrupted: steps/download_corpus.sh <kind> <dir>
# where <kind> is its module in timbre.corpora (aishell, speechocean762); what is complete is not fetched again.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 2 ] || die "expected <kind> <dir>, found $# arguments"
begin_step download_corpus "$2" --files "$1.downloaded" --value kind="$1"
timbre download --corpus-kind "$1" --dir "$2"
write_file "$2/$1.downloaded" "$(date)"
end_step
