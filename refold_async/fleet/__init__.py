"""One key in many processes: a rate limit that they share, and jobs in shards that they run.

```python
limit = SharedLimit("redis://cache.internal/0", RateLimit(20, burst=5), processes=4)
async with Refold(rate_limit=limit) as refold: ...  # the same line in every process
```

`SharedLimit` needs the extra `redis`.
"""

from __future__ import annotations

from refold_async.fleet.job import Job, JobOptions
from refold_async.fleet.job_reports import JobProgress, JobSummary, ShardProgress, ShardReport, UnknownWrite
from refold_async.fleet.shared_limit import SharedLimit

__all__ = [
    "Job",
    "JobOptions",
    "JobProgress",
    "JobSummary",
    "ShardProgress",
    "ShardReport",
    "SharedLimit",
    "UnknownWrite",
]
