# shellcheck shell=bash
# Where jobs run. Sourced.
#
# local: on this machine, --nj at a time.
# slurm: through sbatch, --nj tasks at a time. More than one task per job (--ntasks) is started with srun,
#        so that a training uses several GPUs or nodes.
export SSLSE_BACKEND=${SSLSE_BACKEND:-local}
export SSLSE_SBATCH_TRAIN=${SSLSE_SBATCH_TRAIN:-"--cpus-per-task=4 --gres=gpu:1 --time=2-00:00:00"}
export SSLSE_SBATCH_CPU=${SSLSE_SBATCH_CPU:-"--cpus-per-task=1 --time=12:00:00"}
