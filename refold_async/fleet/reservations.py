"""Moments to start calls at, reserved in Redis by one script, with Redis's own clock."""

from __future__ import annotations

import asyncio
import time
from importlib.util import find_spec
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from refold_async.fleet.shared_limiter import LONGEST_ANSWER, AwayError, Lease, slack_of
from refold_async.settings import RateLimit

_MICRO: Final = 1_000_000

_ANONYMOUS: Final[dict[str, Any]] = (
    {"driver_info": None} if find_spec("redis.driver_info") else {"lib_name": None, "lib_version": None}
)
"""Keeps redis-py from telling Redis its version, which it looks up on disk in the event loop."""

SCRIPT: Final = """
local slots, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
local slack, pause = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(ARGV[6])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local kept = redis.call('HMGET', KEYS[1], 'due', 'refused', 'at')
local due, refused, back = tonumber(kept[1]), tonumber(kept[2]), (tonumber(kept[3]) or 0) - now
-- Redis's clock was set back, or another's is behind which took over: what is due is by the clock before.
if due ~= nil and back > 1000000 and tonumber(ARGV[6]) == 0 then
  due = due - back
  if refused ~= nil then
    refused = refused - back
    redis.call('HSET', KEYS[1], 'refused', string.format('%.0f', refused))
  end
end
-- A bucket that is new here may be one that Redis lost, and a process that returns has used its share.
if due == nil or ARGV[5] == '1' then due = math.max(due or 0, now + slack) end
if pause > 0 then
  due = math.max(due, now + pause + slack)
  refused = now + pause
  redis.call('HSET', KEYS[1], 'refused', string.format('%.0f', refused))
end
-- Refused although all keep to the limit: one of them may be cut off from here, and use its share.
if refused ~= nil and now < refused + tonumber(ARGV[8]) then
  interval = interval * (1 + tonumber(ARGV[7]) * math.min(1, 1 - (now - refused) / tonumber(ARGV[8])))
end
due = math.max(due, now)
local wait = due - slack - now
due = due + slots * interval
redis.call('HSET', KEYS[1], 'due', string.format('%.0f', due), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(0, due - now) / 1000 + 60000))
return {string.format('%.0f', wait), string.format('%.0f', interval)}
"""
"""Generic cell rate: reserve `slots` moments; return how long until the first and how far apart, in µs.

A negative wait says that the first moments are past already: of a burst.
"""

_RECOVERY: Final = 10
"""Seconds in which the rate returns to the limit after a 429."""


class RedisReservations:
    """The moments that all processes of a key reserve.

    Args:
        url: The URL of the Redis.
        key: The key that holds the state.
        limit: The limit of all processes together.
        processes: How many there are: after a 429, the rate is lower by the share of one for a while.
    """

    def __init__(self, url: str, key: str, limit: RateLimit, processes: int = 1) -> None:
        self._key: Final = key
        self._interval: Final = _MICRO / limit.per_second
        self._slack: Final = slack_of(limit) * _MICRO
        self._share: Final = 1 / (processes - 1) if processes > 1 else 0
        self._offset: float | None = None
        # Retries would only delay the fallback: by default there are ten, with a growing wait.
        self._client: Final[Redis] = Redis.from_url(
            url,
            socket_timeout=LONGEST_ANSWER,
            socket_connect_timeout=LONGEST_ANSWER,
            retry=Retry(NoBackoff(), 0),
            **_ANONYMOUS,
        )
        self._script: Final = self._client.register_script(SCRIPT)

    def __repr__(self) -> str:
        return f"RedisReservations({self._key!r})"

    async def reserve(self, slots: int, *, pause: float = 0.0, returning: bool = False) -> Lease:
        """Reserve moments; those that are past already have a negative wait.

        Args:
            slots: How many; 0 reserves none.
            pause: Seconds for which no process may start a call.
            returning: Whether this process was away: its share is then taken as used.

        Raises:
            AwayError: If Redis cannot be reached, or did not answer in time.
        """
        try:
            async with asyncio.timeout(LONGEST_ANSWER):
                return await self._reserve(slots, pause, returning=returning)
        except (RedisError, OSError, TimeoutError) as error:
            # The error's own text is left out: it may quote the URL.
            reason = type(error).__name__
        raise AwayError(reason)

    async def _reserve(self, slots: int, pause: float, *, returning: bool) -> Lease:
        args = [slots, self._interval, self._slack, pause * _MICRO, int(returning)]
        try:
            answer = await self._call(args)
        except ResponseError:
            if self._offset is not None:
                raise
            # Perhaps a script may not call TIME here; servers say so in different words.
            offset = await self._measured_offset()
            answer = await self._call(args, offset)
            self._offset = offset
        wait, interval = (float(part) / _MICRO for part in answer)
        return Lease(wait, interval)

    async def _call(self, args: list[float], offset: float | None = None) -> Any:
        """Call the script, with Redis's time in µs, or 0 if it may look itself."""
        offset = self._offset if offset is None else offset
        now = 0 if offset is None else int((time.monotonic() + offset) * _MICRO)
        return await self._script(keys=[self._key], args=[*args, now, self._share, _RECOVERY * _MICRO])

    async def _measured_offset(self) -> float:
        """Return how far Redis's clock is from ours."""
        try:
            answer: Any = await self._client.time()
            seconds = answer[0] + answer[1] / _MICRO
        except ResponseError:
            seconds = time.time()  # nobody may ask for the time: our clock has to do
        return float(seconds - time.monotonic())

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
