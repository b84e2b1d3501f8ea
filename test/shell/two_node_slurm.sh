#!/usr/bin/env bash
# A Slurm queue of two nodes on this machine alone, for test_slurm.py (Debian: apt-get install slurm-wlm munge; as root).
#
# Usage: two_node_slurm.sh start|stop FOLDER      state and logs go to FOLDER
set -euo pipefail

folder=$(mkdir -p "$2" && cd "$2" && pwd)

start() {
    mkdir -p "${folder}"/{state,spool,log} /run/munge /etc/slurm
    chown munge:munge /run/munge
    chmod 755 /run/munge
    runuser -u munge -- /usr/sbin/munged
    cat > /etc/slurm/slurm.conf << CONF
ClusterName=sslse
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool/%n
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.%n.pid
SlurmctldLogFile=${folder}/log/slurmctld.log
SlurmdLogFile=${folder}/log/slurmd.%n.log
KillWait=5
NodeName=node[1-2] NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=$(nproc) RealMemory=4000 State=UNKNOWN
PartitionName=debug Nodes=node[1-2] Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES:4
CONF
    echo CgroupAutomount=no > /etc/slurm/cgroup.conf
    slurmctld -c
    sleep 2
    local node
    for node in node1 node2; do
        mkdir -p "${folder}/spool/${node}"
        slurmd -N "${node}"
    done
    sleep 2
    sinfo
}

stop() {
    local file
    for file in "${folder}"/slurmd.node{1,2}.pid "${folder}/slurmctld.pid" /run/munge/munged.pid; do
        if [ -f "${file}" ]; then kill "$(cat "${file}")"; fi
    done
}

case $1 in
    start | stop) "$1" ;;
    *)
        echo "two_node_slurm.sh: error: start or stop, not '$1'" >&2
        exit 2
        ;;
esac
