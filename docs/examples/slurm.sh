#!/bin/bash
# A dataset as a Slurm job array: each task builds every N-th shard, and the last job assembles. All tasks see one disk.
#
#     jobid=$(sbatch --parsable --array=0-3 --gres=gpu:1 docs/examples/slurm.sh imagenet-e out/imagenet-e --shards 16)
#     sbatch --dependency=afterany:$jobid --gres=gpu:1 docs/examples/slurm.sh imagenet-e out/imagenet-e --shards 16
#
# Without an array it builds what is missing and assembles, so the second line also mends what tasks have left undone.
# What follows the folder goes to `editmill build`; give all jobs the same.
#SBATCH --job-name=editmill
#SBATCH --cpus-per-task=4
#SBATCH --time=12:00:00
set -euo pipefail
recipe=$1 out=$2
shift 2
part=()
if [[ -n "${SLURM_ARRAY_TASK_ID:-}" ]]; then
    # The array has to begin with 0: --array=0-3, not 1-4.
    part=(--shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --workers 1)
fi
exec editmill build "$recipe" --out "$out" "$@" "${part[@]}"
