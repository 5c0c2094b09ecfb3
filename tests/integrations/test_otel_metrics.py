"""Metrics as OpenTelemetry's own in-memory reader receives them."""

import asyncio

import pytest

from refold_async import Call, CallFacts, Hooks, NotFoundError, Options, RateLimit, Refold, RefoldError
from refold_async.sandbox import Fault, Sandbox

from .changing import change
from .recorded import TEMPLATE, Recorded


class Retries(Hooks):
    def __init__(self) -> None:
        self.number = 0
        self.three = asyncio.Event()

    def on_retry(self, call: CallFacts, attempt: int, error: RefoldError, wait: float) -> None:
        self.number += 1
        if self.number == 3:
            self.three.set()


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


async def read(refold: Refold, account: str = "demo-user-1") -> None:
    await refold.account(account).actions.execute("hubspot", "get_contact", {"limit": "1"})


async def test_metrics(sandbox: Sandbox, options: Options, recorded: Recorded) -> None:
    sandbox.faults.add(Fault(status=503, times=1), Fault(latency=0.01))
    limited = change(recorded.options(options), max_connections=1, rate_limit=RateLimit(20, burst=3))
    async with Refold(sandbox.api_key, **limited) as refold:
        await asyncio.gather(*(read(refold) for _ in range(3)))
        with pytest.raises(NotFoundError):
            await refold.account("demo-user-1").actions.list("no-such-app")
    durations = {
        (point.attributes or {})["http.response.status_code"]: point
        for point in recorded.points("http.client.request.duration")
    }
    assert {status: point.count for status, point in durations.items()} == {503: 1, 200: 3, 404: 1}  # type: ignore[union-attr]
    assert durations[503].attributes["error.type"] == "503"  # type: ignore[index]
    assert durations[200].attributes["url.template"] == TEMPLATE  # type: ignore[index]
    bounds = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    assert tuple(durations[200].explicit_bounds) == bounds  # type: ignore[union-attr]
    attempts = {
        (p.attributes or {})["refold.operation"]: p for p in recorded.points("refold.client.call.attempts")
    }
    assert attempts["actions.execute"].sum == 4  # type: ignore[union-attr]
    assert attempts["actions.list"].attributes == {
        "refold.operation": "actions.list",
        "refold.slug": "no-such-app",
    }
    calls = recorded.points("refold.client.call.duration")
    assert sorted(str((p.attributes or {}).get("error.type")) for p in calls) == ["None", "NotFoundError"]
    assert all(p.sum > 0 for p in recorded.points("refold.client.rate_limit.wait"))  # type: ignore[union-attr]
    assert recorded.points("refold.client.rate_limit.wait")
    assert recorded.histogram("refold.client.connection.wait").sum > 0
    assert all(p.value == 0 for p in recorded.points("http.client.active_requests"))  # type: ignore[union-attr]
    assert all(p.value == 0 for p in recorded.points("refold.client.active_calls"))  # type: ignore[union-attr]


async def test_outcomes_of_a_batch_are_counted(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    sandbox.expire("demo-user-2", "hubspot")
    sandbox.faults.add(Fault(linked_account_id="demo-user-3", status=404))
    ids = ["demo-user-1", "demo-user-2", "demo-user-2", "demo-user-3"]
    calls = [Call(account, "hubspot", "get_contact", {"limit": "1"}) for account in ids]
    async with Refold(sandbox.api_key, **recorded.options(options)) as refold:
        await refold.run(calls, concurrency=1)
    counted = {
        (said["refold.outcome"], said.get("error.type", said.get("refold.reason"))): point.value  # type: ignore[union-attr]
        for point in recorded.points("refold.client.batch.outcomes")
        if (said := point.attributes or {})
    }
    assert counted == {
        ("done", None): 1,
        ("failed", "ReconnectRequiredError"): 1,
        ("skipped", "reconnect"): 1,
        ("failed", "NotFoundError"): 1,
    }


async def test_a_stopped_batch_leaves_nothing_under_way(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    retries = Retries()
    sandbox.faults.add(Fault(status=503, headers={"Retry-After": "3"}))
    calls = [Call(f"demo-user-{n}", "hubspot", "get_contact", {"limit": "1"}) for n in range(1, 4)]
    async with (
        Refold(sandbox.api_key, **change(options, hooks=[*recorded.hooks(), retries])) as refold,
        refold.batch(calls, concurrency=3) as batch,
    ):
        await retries.three.wait()
        batch.stop()
        outcomes = [outcome async for outcome in batch]
    assert len(outcomes) == 3
    [active] = recorded.points("refold.client.active_calls")
    assert active.value == 0  # type: ignore[union-attr]
    assert len([span for span in recorded.spans if span.name == "refold actions.execute"]) == 3


async def test_a_batch_left_between_attempts_leaves_nothing_under_way(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    retries = Retries()
    sandbox.faults.add(Fault(status=503, headers={"Retry-After": "3"}))
    calls = [Call(f"demo-user-{n}", "hubspot", "get_contact", {"limit": "1"}) for n in range(1, 4)]
    hooks = [*recorded.hooks(), retries]
    async with Refold(sandbox.api_key, **change(options, hooks=hooks)) as refold:
        async with refold.batch(calls, concurrency=3) as batch:
            await retries.three.wait()
        assert len(batch.under_way) == 3
    [active] = recorded.points("refold.client.active_calls")
    assert active.value == 0  # type: ignore[union-attr]
    ended = [span for span in recorded.spans if span.name == "refold actions.execute"]
    assert [(span.attributes or {})["refold.fate"] for span in ended] == ["unknown"] * 3


async def test_active_calls_are_counted_while_in_flight(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    sandbox.faults.add(Fault(hang=True))
    async with Refold(sandbox.api_key, **change(recorded.options(options), max_connections=2)) as refold:
        calls = [asyncio.create_task(read(refold)) for _ in range(5)]
        await asyncio.sleep(0.05)
        [requests] = recorded.points("http.client.active_requests")
        [active] = recorded.points("refold.client.active_calls")
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
    assert (requests.value, active.value) == (2, 5)  # type: ignore[union-attr]
