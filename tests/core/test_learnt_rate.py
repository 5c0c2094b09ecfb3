"""What is learnt from 429s that name no time: in virtual time, and against a server that only counts."""

import asyncio
import time

import pytest

from refold_async import Call, Hooks, RateLimit, Refold
from refold_async._core.learnt_rate import LearntRate
from refold_async._core.rate_limits import BucketState, TokenBucket
from refold_async.sandbox import Fault, Sandbox

from .virtual import VirtualTime


class CountingServer:
    """Admits `per_second` with a burst, and answers the rest with 429, without `Retry-After`.

    Attributes:
        answers: The time of each request, and whether it was admitted.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._interval = 1 / per_second
        self._tolerance = (burst - 1) * self._interval
        self._due = 0.0
        self.answers: list[tuple[float, bool]] = []

    def admit(self, now: float) -> bool:
        due = max(now, self._due)
        admitted = due - self._tolerance - now <= 1e-9
        if admitted:
            self._due = due + self._interval
        self.answers.append((now, admitted))
        return admitted

    def refused_share(self, *, after: float = 0.0) -> float:
        """Return the share of refusals from some time after the first one on."""
        refusals = [moment for moment, admitted in self.answers if not admitted]
        late = [admitted for moment, admitted in self.answers if moment > refusals[0] + after]
        return late.count(False) / len(late)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                admitted = self.admit(time.monotonic())
                status, body = (b"200 OK", SUCCESS) if admitted else (b"429 Too Many Requests", b"")
                writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


SUCCESS = b'{"node_status": "Success", "http_status": 200, "data": {}}'


@pytest.mark.parametrize(("per_second", "burst"), [(50, 5), (5, 2), (300, 20)])
@pytest.mark.parametrize("latency", [0.0, 0.1])
async def test_calls_reach_the_rate_and_are_rarely_refused(
    per_second: int, burst: int, latency: float
) -> None:
    virtual, server, number = VirtualTime(), CountingServer(per_second, burst), max(100, per_second * 6)
    limiter = TokenBucket(BucketState(None, learnt=LearntRate()), clock=virtual.clock, sleep=virtual.sleep)
    calls = iter(range(number))

    async def work() -> None:
        for _ in calls:
            admitted = False
            while not admitted:
                if not limiter.try_acquire():
                    await limiter.acquire()
                await virtual.sleep(latency / 2)
                admitted = server.admit(virtual.now)
                await virtual.sleep(latency / 2)
                limiter.on_response(not admitted)

    async with asyncio.TaskGroup() as group:
        for _ in range(60):
            group.create_task(work())
        began = virtual.now
        await virtual.run()
    assert virtual.now - began <= 1.3 * (number - burst) / per_second + latency
    assert server.refused_share(after=0.1) <= 0.1


class RateHooks(Hooks):
    def __init__(self) -> None:
        self.rates: list[tuple[str, str, float]] = []

    def on_rate_limit(self, server: str, state: str, per_second: float) -> None:
        self.rates.append((server, state, per_second))


@pytest.mark.parametrize("shape", ["batch", "callers"])
async def test_no_call_fails_against_a_server_that_names_no_time(shape: str) -> None:
    server, hooks = CountingServer(per_second=100, burst=5), RateHooks()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener, Refold("tk_raw", base_url=base_url, hooks=hooks) as refold:
        if shape == "batch":
            calls = [Call(f"user-{n}", "hubspot", "get_contact") for n in range(150)]
            summary = (await refold.run(calls, concurrency=50)).summary
            assert summary.done == 150
            assert summary.learnt_rate is not None
            assert "learnt rate limit: " in str(summary)
        else:
            account, numbers = refold.account("user-1"), iter(range(150))

            async def call() -> None:
                for _ in numbers:
                    await account.actions.execute("hubspot", "get_contact")

            await asyncio.gather(*(call() for _ in range(20)))
    assert server.refused_share(after=0.1) <= 0.25
    assert {(server, state) for server, state, _ in hooks.rates} == {(base_url, "learnt")}
    # The first 429 sets a rate; the next ones only ever lower it.
    assert all(per_second > 0 for *_, per_second in hooks.rates)


async def test_nothing_is_learnt_without_a_429_or_from_one_that_waits_for_nothing() -> None:
    hooks = RateHooks()
    async with (
        Sandbox() as sandbox,
        Refold(sandbox.api_key, base_url=sandbox.base_url, hooks=hooks) as refold,
    ):
        sandbox.faults.add(Fault(status=429, headers={"Retry-After": "0"}, times=1))
        await refold.account("demo-user-1").actions.list("hubspot")
        assert hooks.rates == []


def rate_of(learnt: LearntRate) -> float:
    assert learnt.rate is not None
    return learnt.rate


def test_a_rate_that_is_known_falls_faster_while_nothing_is_admitted() -> None:
    learnt = LearntRate()
    for n in range(11):
        learnt.in_flight += 1
        learnt.admit(n / 10, busy=False)
    assert repr(learnt) == "LearntRate(none)"
    assert learnt.throttle(1.05)
    assert learnt.rate == pytest.approx(10, rel=0.15)
    first = rate_of(learnt)
    assert learnt.throttle(3)
    assert learnt.rate == first / 2
    learnt.admit(3.1, busy=False)
    assert learnt.throttle(5)
    assert learnt.rate == first / 2 * 0.85
    assert repr(learnt).endswith("/s)")


def test_429s_of_calls_already_in_flight_do_not_lower_the_rate_again() -> None:
    learnt = LearntRate()
    for _ in range(10):
        learnt.in_flight += 1
    assert [learnt.throttle(0.1 + n / 100) for n in range(10)] == [True] + [False] * 9
    rate = rate_of(learnt)
    learnt.in_flight += 1
    assert learnt.throttle(0.5)
    assert learnt.rate == rate / 2


def test_the_rate_grows_only_while_calls_wait_for_it_and_faster_until_the_second_429() -> None:
    learnt = LearntRate()
    learnt.throttle(0)
    first = rate_of(learnt)
    learnt.admit(0.1, busy=False)
    assert learnt.rate == first
    learnt.admit(1, busy=True)
    assert learnt.rate == pytest.approx(first * 1.1)
    learnt.throttle(3)
    second = rate_of(learnt)
    learnt.admit(4, busy=True)
    assert learnt.rate == pytest.approx(second * 1.005)


def test_the_rate_never_falls_to_zero() -> None:
    learnt = LearntRate()
    for n in range(100):
        learnt.throttle(float(n))
    assert learnt.rate == 0.5


def test_a_rate_above_the_number_remembered_is_measured_too() -> None:
    learnt = LearntRate()
    for n in range(500):
        learnt.admit(n / 5000, busy=False)
    learnt.throttle(0.1)
    assert learnt.rate == pytest.approx(5000, rel=0.05)


def test_a_success_before_any_429_teaches_no_rate_also_while_paused() -> None:
    bucket = BucketState(None, learnt=LearntRate())
    bucket.pause(5.0)
    assert not bucket.is_free
    assert bucket.respond(1.0, throttled=False) is False
    assert bucket.learnt is not None
    assert bucket.learnt.rate is None


def test_late_starts_are_made_up_for_within_the_burst() -> None:
    bucket = BucketState(RateLimit(10), catch_up=2)
    for _ in range(5):
        bucket.take(0.0)
    assert bucket.wait(0.0) > 0
    assert bucket.wait(1.0) == 0
