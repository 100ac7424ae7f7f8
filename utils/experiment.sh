# experiment.sh: what follows from a recipe's $conf and ${set[@]}, which are checked here, before anything is done.
#   overrides  the options that pass ${set[@]} on to steps
#   exp        the experiment directory, exp/<conf>[,<overrides>], unless --exp names one
#   feats      the folder of the features' data directories, data/<kind, dimension, hash of their conf>
#   vad        whether the conf reads voiced frames only
#   speeds     the speeds of the copies of the training data, if the conf asks for any
#   train      the data directory to train on: of $feats, with those copies
#   baseline   the folder of the features that the untrained baseline looks at (conf/mfcc.yaml)
# shellcheck shell=bash disable=SC2034,SC2154
overrides=()
for __setting in "${set[@]}"; do overrides+=(--set "$__setting"); done
__described=$(timbre describe-experiment --conf "$conf" "${overrides[@]}" --baseline conf/mfcc.yaml)
mapfile -t __described <<< "$__described"
exp=${exp:-exp/${__described[0]}}
feats=data/${__described[1]}
baseline=data/${__described[2]}
vad=${__described[3]}
speeds=${__described[4]:-}
train=$feats/train${speeds:+_speeds_${speeds// /_}}
unset -v __setting __described
