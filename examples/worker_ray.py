"""The job of `contacts_job.py` on Ray: `python examples/worker_ray.py [ADDRESS]`.

Without the address of a cluster, e.g. ray://head:10001, it starts one on this machine. If a worker dies, Ray
runs its shard again; if this program dies, run it again: shards that are done end at once.
"""

# pyright: reportMissingImports=false

import sys

import contacts_job
import ray
from contacts_job import WORKERS, job, service
from ray.exceptions import RayError

from refold_async import RefoldError

# `max_retries` counts dead workers, and exceptions of these types.
run_shard = ray.remote(num_cpus=1, max_retries=100, retry_exceptions=[RefoldError])(contacts_job.run_shard)


def main(address: str | None) -> int:
    # A machine of a cluster elsewhere needs the environment that `contacts_job.py` describes.
    local = {} if address else {"num_cpus": WORKERS, "include_dashboard": False}
    ray.init(address, **local)
    waiting = [run_shard.remote(shard) for shard in job.shards()]
    while waiting:
        ended, waiting = ray.wait(waiting)
        for each in ended:
            try:
                print(ray.get(each), flush=True)
            except (RayError, RefoldError) as error:
                print(error, flush=True)
    ray.shutdown()
    summary = job.summary()
    print(summary)
    return 0 if summary.complete else 1


if __name__ == "__main__":
    with service():
        code = main(sys.argv[1] if len(sys.argv) > 1 else None)
    raise SystemExit(code)
