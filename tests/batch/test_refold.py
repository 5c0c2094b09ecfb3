"""The fan-out against a Refold that throttles, refuses and breaks."""

import asyncio
from collections import Counter

import pytest

from refold_async import (
    Call,
    Done,
    Failed,
    Hooks,
    InvalidCallError,
    NotFoundError,
    PerAccount,
    RateLimit,
    Refold,
    RefoldError,
    Retry,
    SettingsError,
    Skipped,
)
from refold_async.hooks import CallFacts
from refold_async.sandbox import Fault, Sandbox, SandboxLimit


def client(sandbox: Sandbox, **options: object) -> Refold:
    return Refold(sandbox.api_key, base_url=sandbox.base_url, **options)  # type: ignore[arg-type]


def reads(number: int, *, accounts: int = 100) -> list[Call]:
    return [
        Call(f"demo-user-{place % accounts + 1}", "hubspot", "get_contact", {"limit": "1"})
        for place in range(number)
    ]


def writes(number: int, *, accounts: int = 100) -> list[Call]:
    return [
        Call(
            f"demo-user-{place % accounts + 1}",
            "hubspot",
            "create_contact",
            {"email": f"{place}@example.org"},
        )
        for place in range(number)
    ]


def refused(sandbox: Sandbox, status: int = 429) -> int:
    return sum(request.status == status for request in sandbox.requests)


async def test_run_returns_all_outcomes_in_order_and_a_summary(sandbox: Sandbox) -> None:
    inputs = [*reads(50), Call("nobody", "hubspot", "get_contact"), Call("demo-user-1", "..", "get_contact")]
    async with client(sandbox) as refold:
        report = await refold.run(inputs)
    assert [outcome.call for outcome in report.outcomes] == inputs
    assert report.summary.done == 50
    assert report.summary.errors == {"NotFoundError": 1, "InvalidCallError": 1}
    *_, missing, unsendable = report.outcomes
    assert isinstance(missing, Failed)
    assert isinstance(missing.error, NotFoundError)
    assert missing.error.linked_account_id == "nobody"
    assert isinstance(unsendable, Failed)
    assert isinstance(unsendable.error, InvalidCallError)
    assert unsendable.error.fate == "not_sent"


@pytest.mark.parametrize(
    "call",
    [
        Call("demo-user-1", "hubspot", "get_contact", "limit=1"),  # type: ignore[arg-type]
        Call("demo-user-1", "hubspot", "get_contact", effect="reed"),  # type: ignore[arg-type]
        Call("", "hubspot", "get_contact"),
        Call("demo-user-1", "hubspot", ""),
    ],
)
async def test_an_error_of_a_call_that_cannot_be_sent_names_it(sandbox: Sandbox, call: Call) -> None:
    async with client(sandbox) as refold:
        [outcome] = (await refold.run([call])).outcomes
    assert isinstance(outcome, Failed)
    error = outcome.error
    assert (error.linked_account_id, error.slug, error.action_id, error.operation) == (
        call.linked_account_id, call.slug, call.action_id, "actions.execute",
    )  # fmt: skip


async def test_the_rate_limit_is_filled_and_not_overrun() -> None:
    limit = SandboxLimit(per_second=200, burst=5)
    async with Sandbox(limit=limit) as sandbox, client(sandbox, rate_limit=RateLimit(200, burst=5)) as refold:
        report = await refold.run(reads(100), concurrency=50)
        assert report.summary.done == 100
        assert refused(sandbox) < 10
        assert report.summary.rate_wait > 0


async def test_a_throttled_key_pauses_without_failing_calls() -> None:
    """Without a rate limit of its own, the client runs into the service's, far past a call's four tries."""
    async with Sandbox() as sandbox:
        sandbox.faults.add(Fault(status=429, headers={"Retry-After": "0"}, times=40))
        async with client(sandbox, retry=Retry(attempts=2, base=0.001, budget=10)) as refold:
            report = await refold.run(writes(10), concurrency=10)
        assert report.summary.done == 10
        assert refused(sandbox) == 40
        assert not sandbox.ledger.duplicates()


async def test_a_pause_longer_than_a_calls_timeout_is_waited_out() -> None:
    async with Sandbox() as sandbox:
        sandbox.faults.add(Fault(status=429, headers={"Retry-After": "1.1"}, times=1))
        async with client(sandbox, timeout=1) as refold:
            report = await refold.run(writes(5), concurrency=1)
        assert report.summary.done == 5


async def test_a_pause_longer_than_patience_fails_the_call() -> None:
    async with Sandbox() as sandbox:
        sandbox.faults.add(Fault(status=429, headers={"Retry-After": "30"}, times=1))
        async with client(sandbox, timeout=5) as refold, refold.batch(writes(1), patience=10) as batch:
            outcome = await anext(batch)
        assert isinstance(outcome, Failed)
        assert outcome.error.retry_after == 30


async def test_waiting_for_the_rate_limit_does_not_count_against_a_calls_timeout(sandbox: Sandbox) -> None:
    async with client(sandbox, timeout=1, rate_limit=RateLimit(10)) as refold:
        report = await refold.run(reads(15), concurrency=15)
    assert report.summary.done == 15


async def test_an_apps_throttling_pauses_its_customer_alone(sandbox: Sandbox) -> None:
    busy = Fault(linked_account_id="demo-user-1", node_status="Errored", http_status=429)
    sandbox.faults.add(busy)
    inputs = [*reads(30, accounts=1), *reads(60)[1:31]]
    async with client(sandbox) as refold, refold.batch(inputs, concurrency=4) as batch:
        others = 0
        async for outcome in batch:
            others += outcome.call.linked_account_id != "demo-user-1"
            if others == 30:
                break
    assert sandbox.faults.fired(busy) <= 4


async def test_an_expired_connection_is_called_once_or_twice(sandbox: Sandbox) -> None:
    sandbox.expire("demo-user-1", "hubspot")
    async with client(sandbox) as refold:
        report = await refold.run(reads(40, accounts=2), concurrency=2)
    assert report.summary.reconnect == (("demo-user-1", "hubspot"),)
    assert report.summary.done == 20
    assert report.summary.failed in {1, 2}
    assert report.summary.reasons == {"reconnect": 20 - report.summary.failed}


async def test_a_refused_key_ends_the_batch_and_not_each_call(sandbox: Sandbox) -> None:
    async with Refold("tk_wrong", base_url=sandbox.base_url) as refold:
        report = await refold.run(reads(1000), concurrency=5)
    assert report.summary.stopped == "api_key_refused"
    assert report.summary.failed <= 5
    assert len(sandbox.requests) <= 5


async def test_a_key_source_without_a_key_is_not_called_for_each_call(sandbox: Sandbox) -> None:
    asked = 0

    async def source() -> str:
        nonlocal asked
        asked += 1
        return ""

    async with Refold(source, base_url=sandbox.base_url) as refold:
        report = await refold.run(reads(1000), concurrency=5)
    assert report.summary.stopped == "api_key_refused"
    assert report.summary.errors == {"SettingsError": report.summary.failed}
    assert asked <= 5
    assert sandbox.requests == []


async def test_a_stop_reaches_the_waiters_of_the_rate_limit(sandbox: Sandbox) -> None:
    refold = client(sandbox, rate_limit=RateLimit(0.1))
    async with refold, asyncio.timeout(5), refold.batch(reads(50), concurrency=10) as batch:
        outcomes = [await anext(batch)]
        batch.stop()
        outcomes += [outcome async for outcome in batch]
    assert Counter(map(type, outcomes))[Done] == 1
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Skipped)} == {"stopped"}
    assert len(sandbox.requests) == 1


async def test_writes_that_may_have_run_are_not_repeated(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(effect="write", drop="after", probability=0.3))
    async with client(sandbox) as refold:
        report = await refold.run(writes(60), concurrency=10)
    assert not sandbox.ledger.duplicates()
    assert report.summary.fates == {"unknown": report.summary.failed}
    assert len(sandbox.ledger.writes()) == 60


async def test_reads_are_tried_again(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=503, times=10))
    async with client(sandbox, retry=Retry(base=0.001)) as refold:
        report = await refold.run(reads(30), concurrency=10)
    assert (report.summary.done, report.summary.attempts) == (30, 40)


async def test_leaving_a_batch_leaves_the_client_working(sandbox: Sandbox) -> None:
    async with client(sandbox) as refold:
        async with refold.batch(reads(500)) as batch:
            await anext(batch)
        assert (
            await refold.account("demo-user-1").actions.execute("hubspot", "get_contact")
        ).node_status == "Success"
        assert (await refold.run(reads(10))).summary.done == 10


async def test_a_client_that_is_closed_under_a_batch_stops_it(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(hang=True))
    refold = client(sandbox)
    async with refold.batch(reads(500), concurrency=5) as batch:
        while len(sandbox.requests) < 5:  # noqa: ASYNC110 - the sandbox has no event
            await asyncio.sleep(0.002)
        await refold.aclose()
        outcomes = [outcome async for outcome in batch]
    assert Counter(map(type, outcomes))[Failed] == 5
    assert batch.summary.stopped == "client_closed"


async def test_hooks_are_called_for_each_call_and_its_waits(sandbox: Sandbox) -> None:
    heard: Counter[str] = Counter()

    class Listener(Hooks):
        def on_call(self, call: CallFacts) -> None:
            heard["call"] += 1

        def on_wait(self, call: CallFacts, reason: str, seconds: float) -> None:
            heard[reason] += 1

    async with client(sandbox, hooks=Listener(), rate_limit=RateLimit(200)) as refold:
        await refold.run(reads(10), concurrency=5)
    assert heard["call"] == 10
    assert heard["rate"] >= 5


@pytest.mark.parametrize("leave", [False, True])
async def test_each_started_call_ends_once_for_hooks(sandbox: Sandbox, leave: bool) -> None:
    """A call is stopped, or cut off, while it waits for the turn of its second attempt."""
    heard: Counter[str] = Counter()

    class Listener(Hooks):
        def on_call(self, call: CallFacts) -> None:
            heard["began"] += 1

        def on_retry(self, call: CallFacts, attempt: int, error: RefoldError, wait: float) -> None:
            heard["again"] += 1

        def on_done(
            self,
            call: CallFacts,
            attempts: int,
            error: BaseException | None,
            fate: str | None,
            seconds: float,
        ) -> None:
            heard["ended"] += 1

    sandbox.faults.add(Fault(status=503))
    refold = client(sandbox, hooks=Listener(), retry=Retry(base=0.001), rate_limit=RateLimit(0.1))
    async with refold, refold.batch(reads(3), concurrency=2) as batch:
        while not heard["again"]:  # noqa: ASYNC110 - a hook has no event
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.01)
        if not leave:
            batch.stop()
            assert [type(outcome) async for outcome in batch].count(Failed) == 1
    assert heard == {"began": 1, "again": 1, "ended": 1}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concurrency": 0}, "concurrency must be an integer"),
        ({"concurrency": 101}, "exceeds the client's max_connections=100"),
        ({"per_account": "2"}, "per_account must be an integer of at least 1 or a RateLimit"),
        ({"window": 0}, "window must be"),
        ({"timeout": -1}, "timeout must be"),
        ({"patience": -1}, "patience must be"),
        ({"on_failure": "raise"}, 'must be "collect" or "stop"'),
        ({"stop_at_failure_share": 0}, "stop_at_failure_share must be above 0"),
        ({"stop_at_failure_share": 1.1}, "at most 1"),
        ({"journal": 3}, "journal must be a path or a Journal"),
        ({"journal": ""}, "journal must be a path or a Journal"),
        ({"on_progress": 3}, "on_progress must be callable"),
        ({"on_progress": asyncio.sleep}, "on_progress must be a plain function"),
    ],
)
async def test_settings_that_cannot_work_are_refused_at_once(options: dict[str, object], words: str) -> None:
    async with Refold("tk_any", base_url="http://127.0.0.1:9") as refold:
        with pytest.raises(SettingsError, match=words):
            refold.batch([], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("calls", [None, 3, Call("a", "b", "c")])
async def test_an_invalid_input_is_refused_at_once(calls: object) -> None:
    async with Refold("tk_any", base_url="http://127.0.0.1:9") as refold:
        with pytest.raises(SettingsError, match="calls must be an iterable"):
            refold.batch(calls)  # type: ignore[arg-type]


@pytest.mark.parametrize("bound", [1, RateLimit(1000), PerAccount(concurrency=2, rate=RateLimit(1000))])
async def test_each_kind_of_bound_per_account_serves(
    sandbox: Sandbox, bound: int | RateLimit | PerAccount
) -> None:
    async with client(sandbox) as refold:
        assert (await refold.run(reads(30, accounts=3), per_account=bound)).summary.done == 30
