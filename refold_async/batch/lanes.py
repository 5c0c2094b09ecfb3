"""Whose call goes next: a lane for each account, and turns between them. No clock, no I/O.

A lane is listed for a turn while it has a call that may start. Taking a call takes a permit of its
lane, and gives the lane its next turn after everybody else's. A call that waits for another attempt
holds no permit; it comes back at the head of its lane. A lane that is paused, or over its rate, is
left out until its time comes.

The lane is the account's, whichever app a call is for: all work for one account shares a quota, and one that
throttles pauses its calls for other apps too.
"""

from __future__ import annotations

import heapq
import sys
from collections import deque
from itertools import count
from typing import Final

from refold_async.batch.settings import PerAccount
from refold_async.batch.tickets import Lane, Ticket
from refold_async.pacing import Bucket

_LONGEST_BACKOFF: Final = 60.0
_FIRST_BACKOFF: Final = 1.0


class Lanes:
    """The calls in hand, and whose goes next. Every method that needs the time takes it, in seconds.

    Args:
        bounds: What one account may take.
        breadth: Accounts with a call that may start, of which twice as many are enough to hold.
        window: Calls to hold at most.

    Attributes:
        held: Calls in hand that are not under way.
        ready: The lanes in line for a turn.
    """

    def __init__(self, bounds: PerAccount, *, breadth: int, window: int) -> None:
        self._limit: Final = bounds.concurrency or sys.maxsize
        self._rate: Final = bounds.rate
        self._refill: Final = 0.0 if bounds.rate is None else bounds.rate.burst / bounds.rate.per_second
        self._breadth: Final = breadth
        self._window: Final = window
        self._lanes: dict[str, Lane] = {}
        self._timers: list[tuple[float, int, Lane, Ticket | None]] = []
        self._fading: list[tuple[float, int, Lane]] = []
        self._spare: list[Lane] = []
        self._order = count()
        self.ready: Final[deque[Lane]] = deque()
        self.held = 0

    def room(self) -> int:
        """Give how many more calls to read now: none where enough accounts have one that may start."""
        return max(0, min(2 * self._breadth - len(self.ready), self._window - self.held))

    def is_low(self) -> bool:
        """Whether it is time to read on: some way below the bound, so that reading comes in draughts."""
        return len(self.ready) < self._breadth and self.held <= self._window - (self._window >> 3) - 1

    def add(self, ticket: Ticket) -> None:
        """Take a call in hand, at the end of its account's lane."""
        account = ticket.call.linked_account_id
        lane = self._lanes.get(account)
        if lane is None:
            lane = self._lanes[account] = self._new(account)
        ticket.lane = lane
        lane.queue.append(ticket)
        self.held += 1
        if not lane.listed and lane.running < lane.allowed:
            lane.listed = True
            self.ready.append(lane)

    def take(self, now: float) -> Ticket | None:
        """Give the next call to start, and take a permit of its lane; `None` where none may start."""
        if self._timers and self._timers[0][0] <= now:
            self._ripen(now)
        if self._fading and self._fading[0][0] <= now:
            self._fade(now)
        ready = self.ready
        while ready:
            lane = ready.popleft()
            lane.listed = False
            if not lane.queue or lane.running >= lane.allowed:
                continue
            if lane.bucket is not None or lane.open_at:
                if (opens := lane.opens(now)) > now:
                    self._wait(lane, opens)
                    continue
                if lane.bucket is not None:
                    lane.bucket.take(now)
                    lane.kept_until = max(lane.kept_until, now + self._refill)
            ticket = lane.queue.popleft()
            lane.running += 1
            self.held -= 1
            if lane.queue and lane.running < lane.allowed:
                lane.listed = True
                ready.append(lane)
            return ticket
        return None

    def release(self, ticket: Ticket, now: float, *, well: bool = True) -> None:
        """Give a call's permit back, as it ended; where it went well, a slowed lane may run more at once."""
        lane = ticket.lane
        lane.running -= 1
        if well and (lane.throttles or lane.allowed < self._limit) and lane.open_at <= now:
            lane.throttles = 0
            lane.allowed = min(self._limit, lane.allowed * 2)
        self._settle(lane, now)

    def postpone(self, ticket: Ticket, now: float, at: float) -> None:
        """Give a call's permit back until it is tried again, at some moment."""
        lane = ticket.lane
        lane.running -= 1
        lane.delayed += 1
        self.held += 1
        heapq.heappush(self._timers, (at, next(self._order), lane, ticket))
        self._settle(lane, now)

    def throttle(self, ticket: Ticket, now: float, least: float) -> None:
        """Pause a call's lane, as its app said that it is too much; then try one call at a time.

        Args:
            ticket: The call that was refused.
            now: The time.
            least: Seconds that the app asks for; the pause doubles with each one that was in vain.
        """
        lane = ticket.lane
        wait = least
        if lane.open_at <= now:
            wait = max(least, min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0**lane.throttles))
            lane.throttles = min(lane.throttles + 1, 10)
        lane.open_at = max(lane.open_at, now + wait)
        lane.kept_until = max(lane.kept_until, lane.open_at)
        lane.allowed = 1

    def next_due(self) -> float | None:
        """Give the moment when a call that waits may start; `None` where none waits for a moment."""
        return self._timers[0][0] if self._timers else None

    def startable(self, limit: int) -> int:
        """Count the calls that may start now, up to a limit; pauses not yet noticed aside."""
        number = 0
        for lane in self.ready:
            number += min(len(lane.queue), lane.allowed - lane.running)
            if number >= limit:
                return limit
        return number

    def drain(self) -> list[Ticket]:
        """Give all calls in hand back, in the order in which they were read."""
        tickets = [ticket for *_, ticket in self._timers if ticket is not None]
        for lane in self._lanes.values():
            tickets.extend(lane.queue)
            lane.queue.clear()
            lane.delayed, lane.listed = 0, False
        self._timers.clear()
        self.ready.clear()
        self.held = 0
        tickets.sort(key=lambda ticket: ticket.index)
        return tickets

    def let_go(self) -> None:
        """Keep no lane to be used again: an ended batch stays in memory until the garbage is collected."""
        self._spare.clear()

    def _new(self, account: str) -> Lane:
        """Make a lane, or use again one that has no history: where accounts have a call each, that counts."""
        if self._spare:
            lane = self._spare.pop()
            lane.account = account
            return lane
        return Lane(account, self._limit, None if self._rate is None else Bucket(self._rate))

    def _ripen(self, now: float) -> None:
        """Let come back what waited for a moment that is past."""
        timers = self._timers
        while timers and timers[0][0] <= now:
            _, _, lane, ticket = heapq.heappop(timers)
            if ticket is None:
                lane.listed = False
            else:
                lane.delayed -= 1
                lane.queue.appendleft(ticket)
            self._settle(lane, now)

    def _fade(self, now: float) -> None:
        """Let go of the empty lanes whose rate and pause mean nothing any more."""
        while self._fading and self._fading[0][0] <= now:
            *_, lane = heapq.heappop(self._fading)
            lane.fading = False
            self._settle(lane, now)

    def _settle(self, lane: Lane, now: float) -> None:
        """Put a lane in line if it has a call that may start; forget it if it is empty.

        One whose rate or pause still means something is kept until it does not.
        """
        if lane.listed:
            return
        if lane.queue:
            if lane.running < lane.allowed:
                lane.listed = True
                self.ready.append(lane)
        elif not (lane.running or lane.delayed or lane.fading):
            if lane.kept_until > now:
                lane.fading = True
                heapq.heappush(self._fading, (lane.kept_until, next(self._order), lane))
            else:
                self._lanes.pop(lane.account, None)
                if not lane.kept_until:
                    self._spare.append(lane)

    def _wait(self, lane: Lane, until: float) -> None:
        lane.listed = True
        heapq.heappush(self._timers, (until, next(self._order), lane, None))
