# experiment.sh: what follows from a recipe's options conf, set, init, exp and backend, checked here, before anything
# is done. The recipe may have set data, the root of its data directories, expdir, of its experiments, and the task of its
# confs (default: verification).
#   overrides  the options that pass ${set[@]} on to steps
#   exp        the experiment directory, $expdir/<conf>[,<overrides>], unless --exp names one
#   labels     the table of the classes
#   init       the experiment that training starts from, if any
#   feats      the folder of the features' data directories, $data/<kind, dimension, hash of their conf>
#   baseline   the folder of the features that verification's untrained baseline looks at (conf/mfcc.yaml)
#   vad        whether the conf reads voiced frames only
#   online     whether training computes its frames from the waveforms, so that stage 1 makes none for it
#   augmented  the data directory with augmented copies, where the conf asks for them and trains from ark
#   speeds     the speeds of the copies of the training data, if the conf asks for any
#   train      the data directory to train on
#   scored     the options that pass the back-ends on: those asked for, or the cosine; trained are those of them that
#              are trained on embeddings
# shellcheck shell=bash disable=SC2034,SC2154
(($# == 0)) || die "unexpected argument '$1'; options are --name value (--help lists them)"
data=${data:-data}
[[ -z $init ]] || set+=("init=$init")
overrides=()
for __setting in "${set[@]}"; do overrides+=(--set "$__setting"); done
[[ -n ${backend[*]-} ]] || backend=(cosine)
__options=("${backend[@]/#/--backend=}")
[[ ! -e conf/mfcc.yaml ]] || __options+=(--baseline conf/mfcc.yaml)
__described=$(timbre describe-experiment --conf "$conf" "${overrides[@]}" "${__options[@]}")
declare -A __is=()
while read -r __name __value; do __is[$__name]=$__value; done <<<"$__described"
if [[ -n ${__is[init]} ]] && ((stage <= 2)); then
  require_file "${__is[init]}/final.pt" "training starts from it: train that one first, or name another with --init"
fi
exp=${exp:-${expdir:-exp}/${__is[name]}}
[[ ${__is[task]} == "${task:=verification}" ]] || die "$conf: its task is ${__is[task]}; this recipe's confs have task: $task"
labels=${__is[labels]} init=${__is[init]}
feats=$data/${__is[features]} baseline=$data/${__is[baseline]:-}
vad=${__is[vad]} online=${__is[online]} speeds=${__is[speeds]}
augmented=${__is[augmented]:+$data/${__is[augmented]}/train}
train=$feats/train${__is[augmented]:+_${__is[augmented]}}${speeds:+_speeds_${speeds// /_}}
[[ $online == false ]] || train=$feats/train_online${speeds:+_speeds_${speeds// /_}}
scored=() trained=()
for __backend in "${backend[@]}"; do
  scored+=(--backend "$__backend")
  [[ $__backend == cosine ]] || trained+=(--backend "$__backend")
done
unset -v __backend __options __setting __described __is __name __value
