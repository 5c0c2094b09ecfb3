"""One key in many processes: a rate limit that they share.

```python
limit = SharedLimit("redis://cache.internal/0", RateLimit(20, burst=5), processes=4)
async with Refold(rate_limit=limit) as refold: ...  # the same line in every process
```

Needs the extra `redis`.
"""

from __future__ import annotations

from refold_async.fleet.shared_limit import SharedLimit

__all__ = ["SharedLimit"]
