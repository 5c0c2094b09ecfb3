"""Fault injection: which requests a fault matches, and what happens to them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple, get_args

import msgspec

from refold_async.sandbox.apps.action_run import PagingFault
from refold_async.sandbox.ledger import Effect

When = Literal["before", "after"]


Drop = Literal["before", "during", "after"]
Body = Literal["envelope", "html", "empty"]

_WORDS: Final[Mapping[str, tuple[object, ...]]] = {
    "method": (None, "GET", "POST", "PUT", "PATCH", "DELETE"),
    "drop": (None, *get_args(Drop)),
    "when": get_args(When),
    "body": get_args(Body),
    "effect": (None, *get_args(Effect)),
    "paging": (None, *get_args(PagingFault)),
}


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of fault: which requests it matches, how often, and what it does.

    Which requests (all given values must match; without any, every documented request matches):
        method, operation, slug, action_id, linked_account_id, effect: the HTTP method; the
        operation's name, e.g. `"actions.execute"`; the app; the action; the customer;
        `"read"` or `"write"`, as in the sandbox's data. An app or action also matches the requests for
        its list of actions or its schema; `operation="actions.execute"` matches its runs alone.

    How often:
        times: The maximum number of times; `None` for no maximum.
        after: How many matches to skip first.
        probability: The probability that a match fires, drawn from the sandbox's seed.

    What (at most one of these; `latency` combines with any, or stands alone):
        latency: The delay in seconds, or a range of seconds to draw from.
        status: Respond with this HTTP status, `body` ("envelope", "html" or "empty"), `headers`
            (`{"Retry-After": "2"}`), `message` and `code`.
        drop: Close the connection: `"before"` the action runs, `"after"` it ran but without a
            response, or `"during"` the response, half of which is sent.
        truncate: The fraction of the body that is sent, as a well-formed HTTP response.
        garbage: Bytes to send instead of JSON; `True` for predefined ones.
        node_status: Respond with status 200 and this `node_status`, `http_status` and `data` (default: an
            object with `message`).
        hang: Never respond.
        stall: Send half of the response, then nothing; the connection stays open.

    How often and when the action runs (`twice` also stands alone):
        late: Run it this many seconds later, although it was answered as if it had not run; needs
            `drop="before"`, or `status`, `node_status` or `hang` with `when="before"`.
        twice: Run it twice, as an app does that retries by itself.

    What a page of records does wrong (stands alone; for the `list_…` actions of the app `catalog`):
        paging: One of `PagingFault`, e.g. `"stuck"` or `"dead_cursor"`.

    For `latency`, `status`, `node_status` and `hang`, `when` is `"before"` the action (which then runs
    for latency alone) or `"after"` it ran and is in the ledger.
    """

    method: str | None = None
    operation: str | None = None
    slug: str | None = None
    action_id: str | None = None
    linked_account_id: str | None = None
    effect: Effect | None = None

    times: int | None = None
    after: int = 0
    probability: float = 1.0

    latency: float | tuple[float, float] = 0.0
    status: int | None = None
    drop: Drop | None = None
    truncate: float | None = None
    garbage: bool | bytes = False
    node_status: str | None = None
    hang: bool = False
    stall: bool = False
    when: When = "before"
    late: float = 0.0
    twice: bool = False
    paging: PagingFault | None = None

    body: Body = "envelope"
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    message: str | None = None
    code: str = "SERVER_ERROR"
    http_status: int | None = None
    data: object = msgspec.UNSET

    def __post_init__(self) -> None:
        if len(self.outcomes) > 1:
            raise ValueError(f"a fault has one outcome, not {' and '.join(self.outcomes)}")
        if not self.outcomes and not any(self.latency_range) and not (self.twice or self.paging):
            raise ValueError("a fault has to do something: set latency, status, drop, …")
        if self.late and (not self.outcomes or self.runs):
            raise ValueError(
                "late needs an outcome without which the action would not run, e.g. drop='before'"
            )
        self._check_words()
        self._check_numbers()

    def _check_words(self) -> None:
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                known = ", ".join(map(repr, filter(None, words)))
                raise ValueError(f"{name} must be one of {known}, not {getattr(self, name)!r}")

    def _check_numbers(self) -> None:
        low, high = self.latency_range
        if not (0 <= low <= high and math.isfinite(high)):
            raise ValueError(f"latency must be seconds or an ascending range, not {self.latency!r}")
        if not (self.late >= 0 and math.isfinite(self.late)):
            raise ValueError(f"late must be seconds, not {self.late!r}")
        if not 0 < self.probability <= 1:
            raise ValueError(f"probability must be above 0 and at most 1, not {self.probability!r}")
        if self.after < 0 or (self.times is not None and self.times < 1):
            raise ValueError("after must be at least 0, and times at least 1 or None")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"status must be from 200 to 599, not {self.status!r}")
        if self.truncate is not None and not 0 <= self.truncate < 1:
            raise ValueError(f"truncate must be at least 0 and below 1, not {self.truncate!r}")

    @property
    def outcomes(self) -> list[str]:
        """The names of what it does, apart from latency."""
        names = ("status", "drop", "truncate", "garbage", "node_status", "hang", "stall")
        return [
            name for name in names if getattr(self, name) is not None and getattr(self, name) is not False
        ]

    @property
    def decides(self) -> bool:
        """Whether no further fault is injected into the same request."""
        return bool(self.outcomes or self.twice or self.paging)

    @property
    def latency_range(self) -> tuple[float, float]:
        """The minimum and maximum delay, in seconds."""
        latency = self.latency
        return latency if isinstance(latency, tuple) else (latency, latency)

    @property
    def runs(self) -> bool:
        """Whether the action runs nevertheless, and at once."""
        if self.drop is not None:
            return self.drop != "before"
        stops = self.status is not None or self.node_status is not None or self.hang
        return not stops or self.when == "after"


class FaultTarget(NamedTuple):
    """What a fault is matched against: one request, as far as it is known before it runs."""

    method: str
    operation: str
    slug: str | None
    action_id: str | None
    linked_account_id: str | None
    effect: Effect


class ArmedFault(msgspec.Struct):
    """A fault, how often it has matched and how often it has fired."""

    fault: Fault
    decides: bool
    seen: int = 0
    fired: int = 0


class Injection(NamedTuple):
    """What is injected into one request: delays before and after it runs, and at most one fault."""

    delay_before: float
    delay_after: float
    fault: Fault | None


NO_INJECTION = Injection(0.0, 0.0, None)


class FaultBook:
    """The faults of a sandbox. The first outcome that fires wins; latencies add up.

    Args:
        faults: The initial faults.
        seed: The seed of their probabilities.
        check: Raises if a fault can never fire, e.g. because its action does not exist.
    """

    def __init__(
        self, faults: Iterable[Fault] = (), seed: int = 0, check: Callable[[Fault], None] = lambda _: None
    ) -> None:
        self._initial = tuple(faults)
        self._check = check
        self._seed = seed
        self._armed: list[ArmedFault] = []
        self._random = random.Random(seed)  # noqa: S311
        self.reset()

    def add(self, *faults: Fault) -> None:
        """Add faults after the existing ones.

        Raises:
            UnknownNameError: If one names an operation, app or action that the sandbox does not have.
        """
        for fault in faults:
            self._check(fault)
        self._armed += [ArmedFault(fault, fault.decides) for fault in faults]

    def remove(self, fault: Fault) -> None:
        """Remove a fault. No-op if it is absent."""
        self._armed = [armed for armed in self._armed if armed.fault != fault]

    def clear(self) -> None:
        """Remove all faults."""
        self._armed = []

    def reset(self) -> None:
        """Restore the initial faults, with their counters and the random sequence."""
        self._random = random.Random(self._seed)  # noqa: S311
        self._armed = []
        self.add(*self._initial)

    def fired(self, fault: Fault) -> int:
        """Return how often a fault has fired."""
        return sum(armed.fired for armed in self._armed if armed.fault == fault)

    def never_fired(self) -> list[Fault]:
        """Return the faults that have never fired, except those that are left to chance."""
        return [armed.fault for armed in self._armed if not armed.fired and armed.fault.probability == 1]

    def __iter__(self) -> Iterator[Fault]:
        return iter([armed.fault for armed in self._armed])

    def __len__(self) -> int:
        return len(self._armed)

    def inject(self, target: FaultTarget) -> Injection:
        """Return what to inject into a request that has this target, and count it."""
        before = after = 0.0
        for armed in self._armed:
            if not _matches(armed.fault, target) or not self._fires(armed):
                continue
            fault = armed.fault
            delay = self._delay(fault)
            if fault.when == "before":
                before += delay
            else:
                after += delay
            # Later faults must neither count nor draw a number for a request that is already decided.
            if armed.decides:
                return Injection(before, after, fault)
        return Injection(before, after, None)

    def _fires(self, armed: ArmedFault) -> bool:
        fault = armed.fault
        armed.seen += 1
        if armed.seen <= fault.after or (fault.times is not None and armed.fired >= fault.times):
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        armed.fired += 1
        return True

    def _delay(self, fault: Fault) -> float:
        low, high = fault.latency_range
        return low if low == high else self._random.uniform(low, high)


def _matches(fault: Fault, target: FaultTarget) -> bool:
    return (
        fault.method in (None, target.method)
        and fault.operation in (None, target.operation)
        and fault.slug in (None, target.slug)
        and fault.action_id in (None, target.action_id)
        and fault.linked_account_id in (None, target.linked_account_id)
        and fault.effect in (None, target.effect)
    )
