# parse_options.sh: reads the options of the script that sources it, after its block of defaults.
#
#   stage=0   # first stage to run        --stage 2
#   gpu=true  # whether to use one        --gpu false        a boolean takes true or false; alone it is true,
#   nj=4      # parallel jobs             --nj 8             an integer an integer
#   set=()    # conf keys, key=value      --set a=1 --set b=2  an array one value each time
#   name=     # of the system             --name x, --name=x   both forms are taken
#   . utils/parse_options.sh
#
# Options are the lines `name=default  # help` of the script, from its first one to the line that sources a file, and
# those of the file that sources this one (utils/recipe.sh); names that begin with _ are none. --foo-bar sets foo_bar, and
# a boolean alone is true.
# Options may stand after positional arguments; `--` ends them; what is left is in "$@".
# `--config FILE` reads lines name=value, which options on the command line override. `--help` prints the
# script's header comment, its stages and its options. A value is never executed.
# shellcheck shell=bash

# shellcheck source=utils/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Every name here begins with __po_, and all of them are gone at the end: none of the script's is touched.
__po_names=() # in the script's order
declare -A __po_kinds=() __po_helps=()
__po_rest=()

__po_fail() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

# Fills __po_names, __po_kinds and __po_helps from the lines of a script above the first that sources a file.
__po_read_script() {
  local __po_line __po_name __po_default LC_ALL=C
  local __po_pattern='^([a-z][a-z0-9_]*)=(("[^"]*"|'"'[^']*'"'|\$?\([^)]*\)|\\.|[^[:space:]])*)([[:space:]]+#[[:space:]]*(.*))?$'
  while IFS= read -r __po_line || [[ -n $__po_line ]]; do
    [[ $__po_line != '. '* && $__po_line != *parse_options.sh* ]] || break
    [[ $__po_line =~ $__po_pattern && ${BASH_REMATCH[1]} != here ]] || continue
    __po_name=${BASH_REMATCH[1]} __po_default=${!BASH_REMATCH[1]-}
    __po_names+=("$__po_name")
    __po_helps[$__po_name]=${BASH_REMATCH[5]}
    __po_kinds[$__po_name]=text
    if [[ ${BASH_REMATCH[2]} == \(* ]]; then
      __po_kinds[$__po_name]=array
    elif [[ $__po_default == true || $__po_default == false ]]; then
      __po_kinds[$__po_name]=boolean
    elif __po_is_integer "$__po_default"; then
      __po_kinds[$__po_name]=integer
    fi
  done <"$1"
}

# No leading zeros: the shell would read 08 as an octal number.
__po_is_integer() { [[ $1 =~ ^-?(0|[1-9][0-9]*)$ ]]; }

# __po_set NAME VALUE WORDS: sets one option; WORDS are the user's, for messages.
__po_set() {
  case ${__po_kinds[$1]} in
    boolean) [[ $2 == true || $2 == false ]] || __po_fail "expected \"true\" or \"false\": $3" ;;
    integer) __po_is_integer "$2" || __po_fail "expected an integer: $3" ;;
    array)
      local -n __po_array=$1
      __po_array+=("$2")
      return
      ;;
  esac
  [[ $1 != cmd || -n $2 ]] || __po_fail "empty argument to --cmd option"
  printf -v "$1" '%s' "$2"
}

__po_known() { [[ $1 =~ ^[a-z_][a-z0-9_]*$ && -n ${__po_kinds[$1]+known} ]]; }

# __po_nearest NAME: " (did you mean --stage?)" for the option whose name is one or two edits (Levenshtein) away.
__po_nearest() {
  local __po_name __po_best='' __po_least=3 __po_i __po_j __po_above __po_corner __po_cost
  local -a __po_row
  for __po_name in "${__po_names[@]}" config help; do
    for ((__po_j = 0; __po_j <= ${#__po_name}; __po_j++)); do __po_row[__po_j]=$__po_j; done
    for ((__po_i = 1; __po_i <= ${#1}; __po_i++)); do
      __po_corner=${__po_row[0]}
      __po_row[0]=$__po_i
      for ((__po_j = 1; __po_j <= ${#__po_name}; __po_j++)); do
        __po_above=${__po_row[__po_j]}
        __po_cost=$__po_corner
        [[ ${1:__po_i-1:1} == "${__po_name:__po_j-1:1}" ]] || __po_cost=$((__po_cost + 1))
        ((__po_cost <= __po_above)) || __po_cost=$((__po_above + 1))
        ((__po_cost <= __po_row[__po_j - 1])) || __po_cost=$((__po_row[__po_j - 1] + 1))
        __po_row[__po_j]=$__po_cost
        __po_corner=$__po_above
      done
    done
    if ((__po_row[${#__po_name}] < __po_least && __po_row[${#__po_name}] < ${#1})); then
      __po_least=${__po_row[${#__po_name}]} __po_best=$__po_name
    fi
  done
  __po_best=${__po_best:+"did you mean --${__po_best//_/-}?"}
  echo " (${__po_best:---help lists the options})"
}

# __po_read_config FILE: sets options from lines `name=value`, of which nothing is executed.
__po_read_config() {
  local __po_line __po_name __po_value __po_number=0
  [[ -f $1 && -r $1 ]] || __po_fail "--config $1: no such file"
  while IFS= read -r __po_line || [[ -n $__po_line ]]; do
    __po_number=$((__po_number + 1))
    __po_line=${__po_line%$'\r'}
    [[ $__po_line =~ ^[[:space:]]*(#.*)?$ ]] && continue
    [[ $__po_line =~ ^([A-Za-z_][A-Za-z0-9_]*)=(\"([^\"]*)\"|\'([^\']*)\'|[^[:space:]\"\']*)([[:space:]]+#.*|[[:space:]]*)$ ]] ||
      __po_fail "$1:$__po_number: expected name=value (quotes around spaces), found '$__po_line'"
    __po_name=${BASH_REMATCH[1]}
    case ${BASH_REMATCH[2]} in
      \"*) __po_value=${BASH_REMATCH[3]} ;;
      \'*) __po_value=${BASH_REMATCH[4]} ;;
      *) __po_value=${BASH_REMATCH[2]} ;;
    esac
    __po_known "$__po_name" || __po_fail "$1:$__po_number: no option '$__po_name'$(__po_nearest "$__po_name")"
    __po_set "$__po_name" "$__po_value" "$__po_line ($1:$__po_number)"
  done <"$1"
}

# Prints the stages of the script.
__po_stages() {
  local __po_line
  while IFS= read -r __po_line || [[ -n $__po_line ]]; do
    if [[ $__po_line =~ ^[[:space:]]*if\ stage\ ([0-9]+)\ \"(.*)\"\;\ then ]]; then
      printf '  %s  %s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    fi
  done <"$0"
}

# Prints the header comment, the stages and the options.
__po_usage() {
  local __po_line __po_name __po_value __po_text
  {
    read -r __po_line # the shebang
    while IFS= read -r __po_line && [[ $__po_line == \#* ]]; do
      [[ $__po_line == '# shellcheck '* ]] || { __po_line=${__po_line#\#}; echo "${__po_line# }"; }
    done
  } <"$0"
  __po_text=$(__po_stages)
  [[ -z $__po_text ]] || printf '\nStages:\n%s\n' "$__po_text"
  printf '\nOptions:\n'
  for __po_name in "${__po_names[@]}"; do
    __po_value=''
    [[ ${__po_kinds[$__po_name]} == array ]] || __po_value=${!__po_name-}
    printf '  --%-18s %s%s\n' "${__po_name//_/-}" "${__po_helps[$__po_name]}" "${__po_value:+ (default: $__po_value)}"
  done
  printf '  --%-18s %s\n' config "a file with lines name=value for these options" help "this text"
}

# Configs are read as they come, and options set after all of them.
__po_parse() {
  local __po_name __po_next __po_i __po_joined
  local -a __po_found=() __po_values=()
  while (($#)); do
    __po_joined=''
    case $1 in
      -h | --help)
        __po_usage
        exit 0
        ;;
      --)
        __po_rest+=("${@:2}")
        break
        ;;
      --*=*) # --name=value is --name value
        set -- "${1%%=*}" "${1#*=}" "${@:2}"
        __po_joined=joined
        ;;&
      --*)
        __po_name=${1#--}
        __po_name=${__po_name//-/_}
        __po_known "$__po_name" || [[ $__po_name == config ]] ||
          __po_fail "invalid option $1$(__po_nearest "$__po_name")"
        if [[ ${__po_kinds[$__po_name]-} == boolean && -z $__po_joined && ! ${2-} =~ ^(true|false)$ ]]; then
          set -- "$1" true "${@:2}"
        fi
        (($# > 1)) || __po_fail "missing value for $1"
        __po_next=${2#--}
        if [[ $2 == --* ]] && __po_known "${__po_next//-/_}"; then
          __po_fail "missing value for $1: the option $2 follows it"
        fi
        if __po_known "$__po_name"; then
          __po_found+=("$__po_name")
          __po_values+=("$2")
        else
          __po_read_config "$2"
        fi
        shift 2
        ;;
      -[A-Za-z]*) __po_fail "invalid option $1$(__po_nearest "${1#-}")" ;;
      *)
        __po_rest+=("$1")
        shift
        ;;
    esac
  done
  for ((__po_i = 0; __po_i < ${#__po_found[@]}; __po_i++)); do
    __po_set "${__po_found[__po_i]}" "${__po_values[__po_i]}" "--${__po_found[__po_i]//_/-} ${__po_values[__po_i]}"
  done
}

__po_read_script "$0"
[[ ${BASH_SOURCE[1]} == "$0" ]] || __po_read_script "${BASH_SOURCE[1]}"
__po_parse "$@"
set -- "${__po_rest[@]}"
unset -v __po_names __po_kinds __po_helps __po_rest
unset -f __po_fail __po_read_script __po_is_integer __po_set __po_known __po_nearest __po_read_config
unset -f __po_stages __po_usage __po_parse
