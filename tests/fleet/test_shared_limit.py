"""The shared limit over a real Redis: what is refused, in which order, and what Redis gets to see."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from redis.asyncio import Redis

from refold_async import Call, Hooks, RateLimit, Refold, SettingsError
from refold_async.fleet import SharedLimit
from refold_async.fleet.reservations import RedisReservations
from refold_async.fleet.shared_limiter import AwayError
from refold_async.sandbox import Fault, Sandbox, SandboxLimit
from tests.services import Server, needs, redis

LIMIT = RateLimit(100, burst=5)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with redis() as running:
        yield running


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for a Redis that is there: on a busy machine it may need more than a quarter of a second."""
    monkeypatch.setattr("refold_async.fleet.reservations.LONGEST_ANSWER", 20.0)


async def waits_of(reservations: RedisReservations, number: int) -> tuple[list[float], float]:
    """Reserve moments one by one; return how far off they are, and by how much that may be too little."""
    began = time.monotonic()
    waits = [(await reservations.reserve(1)).wait for _ in range(number)]
    return waits, 0.2 + time.monotonic() - began


class RateHooks(Hooks):
    def __init__(self) -> None:
        self.states: list[str] = []

    def on_rate_limit(self, server: str, state: str, per_second: float) -> None:
        self.states.append(state)


def refused(sandbox: Sandbox) -> int:
    return sum(request.status == 429 for request in sandbox.requests)


async def calls(refold: Refold, number: int) -> int:
    each = (Call(f"demo-user-{n % 10 + 1}", "hubspot", "get_contact") for n in range(number))
    return (await refold.run(each, concurrency=20)).summary.done


def sandbox_of(limit: RateLimit) -> Sandbox:
    return Sandbox(accounts=10, limit=SandboxLimit(per_second=limit.per_second, burst=limit.burst or 1))


@needs("redis")
async def test_clients_that_share_a_limit_stay_within_it(server: Server) -> None:
    hooks = RateHooks()
    limit = SharedLimit(server.url, LIMIT, processes=3, hooks=hooks)
    async with sandbox_of(LIMIT) as sandbox:
        clients = [Refold(sandbox.api_key, base_url=sandbox.base_url, rate_limit=limit) for _ in range(3)]
        done = await asyncio.gather(*(calls(refold, 30) for refold in clients))
        for refold in clients:
            await refold.aclose()
        assert done == [30] * 3
        assert refused(sandbox) <= 3  # of a machine so busy that a call is late
        assert set(hooks.states) <= {"shared", "share"}
        async with Redis.from_url(server.url) as store:
            keys = [
                key.decode() async for key in store.scan_iter("refold:rate:????????????????????????????????")
            ]
            assert len(keys) == 1
            assert keys[0].startswith("refold:rate:")
            assert sandbox.api_key not in keys[0]
            assert 0 < await store.pttl(keys[0]) <= 61_000


@needs("redis")
async def test_without_redis_calls_continue_at_the_share_until_it_is_back() -> None:
    hooks = RateHooks()
    with redis() as server:
        await asyncio.to_thread(server.kill)
        limit = SharedLimit(server.url, RateLimit(400, burst=5), processes=4, hooks=hooks)
        async with (
            sandbox_of(RateLimit(400, burst=5)) as sandbox,
            Refold(sandbox.api_key, base_url=sandbox.base_url, rate_limit=limit) as refold,
        ):
            assert await calls(refold, 10) == 10
            assert hooks.states == ["share"]
            await asyncio.to_thread(server.start)
            for _ in range(1000):
                if hooks.states != ["share"]:
                    break
                await calls(refold, 1)
            assert hooks.states == ["share", "shared"]
            assert await calls(refold, 10) == 10
            assert refused(sandbox) == 0


@needs("redis")
async def test_a_redis_that_does_not_answer_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        reservations = RedisReservations(url, "key", LIMIT)
        with pytest.raises(AwayError, match="Timeout") as away:
            await reservations.reserve(1)
        assert url not in str(away.value)
        await reservations.aclose()


@needs("redis")
async def test_a_429_of_refold_pauses_every_process_but_one_of_the_app_does_not(server: Server) -> None:
    limit = SharedLimit(server.url, LIMIT, processes=2, name="paused")
    async with Sandbox(accounts=10) as sandbox:
        async with (
            Refold(sandbox.api_key, base_url=sandbox.base_url, rate_limit=limit) as one,
            Refold(sandbox.api_key, base_url=sandbox.base_url, rate_limit=limit) as other,
        ):
            for refold in (one, other):
                await refold.account("demo-user-1").actions.list("hubspot")
            sandbox.faults.add(Fault(status=429, headers={"Retry-After": "1"}, times=1))
            first = asyncio.create_task(calls(one, 1))
            reader = RedisReservations(server.url, "refold:rate:paused", LIMIT)
            while (await reader.reserve(0)).wait < 0.5:  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.01)
            await reader.aclose()
            assert await calls(other, 3) == 3
            assert await first == 1
        at = [request.at for request in sandbox.requests]
        throttled = next(request.at for request in sandbox.requests if request.status == 429)
        later = [moment for moment in at if moment > throttled]
        assert min(later) >= throttled + 0.9


@needs("redis")
@pytest.mark.parametrize("burst", [None, 1, 5])
async def test_an_empty_redis_starts_with_an_empty_bucket_and_fills_it(
    server: Server, burst: int | None
) -> None:
    limit = RateLimit(2, burst=burst)
    reservations = RedisReservations(server.url, f"filled-{burst}", limit)
    waits, late = await waits_of(reservations, 3)
    assert waits == pytest.approx([0, 0.5, 1.0], abs=late)
    await reservations.reserve(0, pause=100)
    assert (await reservations.reserve(0)).wait == pytest.approx(100, abs=20)
    await reservations.aclose()


@needs("redis")
async def test_a_clock_that_is_set_back_holds_nobody_back(server: Server) -> None:
    reservations = RedisReservations(server.url, "back", RateLimit(2, burst=1), processes=4)

    async def set_back(seconds: int) -> None:
        """Make what is stored look as if the clock had been that much ahead."""
        async with Redis.from_url(server.url) as store:
            for field in await store.hkeys("back"):
                await store.hincrby("back", field, seconds * 1_000_000)

    began = time.monotonic()
    for _ in range(4):
        await reservations.reserve(1)
    await set_back(3600)
    lease = await reservations.reserve(1)
    assert lease.wait == pytest.approx(2, abs=0.2 + time.monotonic() - began)
    began = time.monotonic()
    await reservations.reserve(0, pause=30)
    await set_back(3600)
    lease = await reservations.reserve(1)
    assert lease.wait == pytest.approx(30, abs=0.2 + time.monotonic() - began)
    assert lease.interval > 0.6  # still as after a 429
    await reservations.aclose()


@needs("redis")
async def test_a_process_that_returns_gets_no_burst(server: Server) -> None:
    reservations = RedisReservations(server.url, "returned", RateLimit(50, burst=5))
    await reservations.reserve(1)
    await asyncio.sleep(0.2)  # the bucket is full again
    assert (await reservations.reserve(0)).wait < -0.05
    assert (await reservations.reserve(0, returning=True)).wait == pytest.approx(0, abs=0.001)
    await reservations.aclose()


@needs("redis")
async def test_after_a_429_the_rate_is_lowered_by_one_share(server: Server) -> None:
    reservations = RedisReservations(server.url, "crowded", RateLimit(20, burst=5), processes=4)
    assert (await reservations.reserve(1)).interval == 0.05
    await reservations.reserve(0, pause=0.001)
    assert 0.05 < (await reservations.reserve(1)).interval <= 0.0667
    alone = RedisReservations(server.url, "crowded", RateLimit(20, burst=5), processes=1)
    assert (await alone.reserve(1)).interval == 0.05
    for each in (reservations, alone):
        await each.aclose()


@needs("redis")
@pytest.mark.parametrize("allowed", ["+@all -time", "+@all"])
async def test_a_script_without_time_gets_the_clock_offset(server: Server, allowed: str) -> None:
    async with Redis.from_url(server.url) as store:
        await store.execute_command(  # type: ignore[no-untyped-call]
            "ACL", "SETUSER", "app", "reset", "on", ">pw", "~*", *allowed.split()
        )
    reservations = RedisReservations(server.url.replace("//", "//app:pw@"), f"clock-{len(allowed)}", LIMIT)
    waits, late = await waits_of(reservations, 3)
    assert waits == pytest.approx([0, 0.01, 0.02], abs=late)
    assert (reservations._offset is None) == (allowed == "+@all")
    await reservations.aclose()


@needs("redis")
async def test_a_name_is_required_if_the_key_comes_from_a_callable(server: Server) -> None:
    async with Sandbox() as sandbox:

        async def key() -> str:
            return sandbox.api_key

        nameless = SharedLimit(server.url, LIMIT, processes=2)
        async with Refold(key, base_url=sandbox.base_url, rate_limit=nameless) as refold:
            with pytest.raises(SettingsError, match="pass name="):
                await refold.account("demo-user-1").actions.list("hubspot")
        named = SharedLimit(server.url, LIMIT, processes=2, name="ours")
        async with Refold(key, base_url=sandbox.base_url, rate_limit=named) as refold:
            assert await refold.account("demo-user-1").actions.list("hubspot")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "http://user:secret@host"}, "url must be a redis://, rediss:// or unix:// URL"),
        ({"limit": 20}, "limit must be a RateLimit"),
        ({"processes": 0}, "processes must be an integer of at least 1, not 0"),
        ({"name": ""}, "name must be a non-empty string"),
        ({"when_away": "stop"}, "when_away must be one of share, wait, error, not 'stop'"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], words: str) -> None:
    given = {"url": "redis://host", "limit": LIMIT, "processes": 2, **settings}
    with pytest.raises(SettingsError) as refused:
        SharedLimit(**given)  # type: ignore[arg-type]
    assert words in refused.value.message
    assert "secret" not in refused.value.message


def test_no_repr_shows_the_password() -> None:
    limit = SharedLimit("redis://:secret@host", LIMIT, processes=2)
    assert repr(limit) == f"SharedLimit({LIMIT!r}, processes=2, when_away='share')"
    assert "secret" not in repr(limit.open("http://refold", "identity"))


def test_the_fleet_is_imported_without_redis_and_the_limit_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "import refold_async, refold_async.fleet as fleet\n"
        "try: fleet.SharedLimit('redis://host', refold_async.RateLimit(1), processes=1)\n"
        "except refold_async.SettingsError as error: print(error.message)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "SharedLimit needs redis: pip install 'refold-async[redis]'\n"
