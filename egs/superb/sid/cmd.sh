# shellcheck shell=bash
# Where jobs run. Sourced.
#
# local: on this machine, --nj at a time. Trainings and jobs that run a model (enhance, decode, verify ...) take turns on
#        the GPUs that CUDA_VISIBLE_DEVICES names (unset: all), SSLSE_JOBS_PER_GPU at a time on each. A job sees its
#        own GPUs alone: one, or more where there are more GPUs than jobs. CPU cores are shared out among the jobs.
# slurm: through sbatch, --nj tasks at a time. More than one task per job (--ntasks) is started with srun,
#        so that a training uses several GPUs or nodes.
export SSLSE_BACKEND=${SSLSE_BACKEND:-local}
export SSLSE_JOBS_PER_GPU=${SSLSE_JOBS_PER_GPU:-1}
export SSLSE_SBATCH_TRAIN=${SSLSE_SBATCH_TRAIN:-"--cpus-per-task=4 --gres=gpu:1 --time=2-00:00:00"}
export SSLSE_SBATCH_GPU=${SSLSE_SBATCH_GPU:-"--cpus-per-task=4 --gres=gpu:1 --time=12:00:00"} # jobs that run a model
export SSLSE_SBATCH_CPU=${SSLSE_SBATCH_CPU:-"--cpus-per-task=1 --time=12:00:00"}
