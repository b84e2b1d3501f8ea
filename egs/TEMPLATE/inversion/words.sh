# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from inversion.sh
# The words of the stages of speech inversion.

upstream_of() {
    echo "${upstream_model:-${expdir}/seed$1/upstream/upstream}"
}

# all_systems: folder names of everything that predicts trajectories or verifies speakers.
all_systems() {
    local name
    for name in ${systems}; do echo "${name}"; done
    for name in ${finetune_systems}; do
        if [ "${name}" = cascade ]; then echo cascade; fi
        echo "ft_${name}"
    done
}

# enhancer_systems: those of them that leave an enhancer, and separate enhancement itself.
enhancer_systems() {
    local name
    for name in $(all_systems); do enhanced_by "${name}"; done
}

# enhanced_by SYSTEM: the system whose enhancer's output belongs to it; nothing for inversion alone.
enhanced_by() {
    case $1 in
        joint | ft_joint | ft_cascade | joint_sv) echo "$1" ;;
        cascade | se) echo se ;;
    esac
}

# verifies SYSTEM: whether its head tells speakers apart, not articulation.
verifies() {
    [[ $1 == *sv* ]]
}

# trials_of SET: the folder of its verification trials.
trials_of() {
    echo "${datadir}/$1_trials"
}
