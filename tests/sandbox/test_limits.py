"""The rate limit, exact to the request, on a clock controlled by the test."""

import itertools

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async.sandbox import Sandbox, SandboxLimit
from refold_async.sandbox.limits import KeyedLimiter

from .raw_client import ACTIONS, RawClient


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    limiter = KeyedLimiter(20, 5, clock)
    assert [limiter.wait("key") for _ in range(5)] == [0.0] * 5
    assert limiter.wait("key") == pytest.approx(0.05)
    clock.now += 0.049
    assert limiter.wait("key") == pytest.approx(0.001)
    clock.now += 0.001
    assert limiter.wait("key") == 0.0
    assert limiter.wait("key") > 0
    clock.now += 60
    assert [limiter.wait("key") == 0.0 for _ in range(6)] == [True] * 5 + [False]


def test_each_key_has_its_own_limit() -> None:
    limiter = KeyedLimiter(1, 1, Clock())
    assert limiter.wait("one") == limiter.wait("two") == 0.0
    assert limiter.wait("one") > 0


def test_a_steady_rate_is_never_limited() -> None:
    clock = Clock()
    limiter = KeyedLimiter(20, 1, clock)
    for _ in range(10_000):
        assert limiter.wait("key") == 0.0
        clock.now += 1 / 20


@given(
    st.lists(st.floats(0, 0.3), min_size=1, max_size=80),
    st.integers(1, 50),
    st.integers(1, 10),
)
def test_no_window_holds_more_than_burst_and_rate(gaps: list[float], rate: int, burst: int) -> None:
    clock = Clock()
    limiter, passed = KeyedLimiter(rate, burst, clock), list[float]()
    for gap in gaps:
        clock.now += gap
        if limiter.wait("key") == 0.0:
            passed.append(clock.now)
    for (first, start), (last, end) in itertools.combinations(enumerate(passed), 2):
        assert last - first + 1 <= burst + (end - start) * rate + 1e-6


@given(st.lists(st.floats(0, 0.2), max_size=60), st.integers(1, 50), st.integers(1, 10))
def test_waiting_for_retry_after_is_enough(gaps: list[float], rate: int, burst: int) -> None:
    clock = Clock()
    limiter = KeyedLimiter(rate, burst, clock)
    for gap in gaps:
        clock.now += gap
        early = limiter.wait("key")
        if early:
            clock.now += early
            assert limiter.wait("key") == 0.0


@pytest.mark.parametrize("retry_after", [True, False])
async def test_over_the_limit_is_a_429(session: aiohttp.ClientSession, retry_after: bool) -> None:
    clock = Clock()
    async with Sandbox(limit=SandboxLimit(retry_after=retry_after), clock=clock) as sandbox:
        raw_client = RawClient(sandbox, session)
        statuses = [(await raw_client.create_contact()).status for _ in range(5)]
        refused = await raw_client.create_contact()
        assert (statuses, refused.status) == ([200] * 5, 429)
        assert refused.headers.get("Retry-After") == ("1" if retry_after else None)
        assert refused.json["http_error_type"] == refused.json["error_code"] == "TOO_MANY_REQUESTS"
        clock.now += 0.05
        assert (await raw_client.create_contact()).status == 200
        assert sandbox.ledger.count() == 6


async def test_tokens_use_the_first_keys_limit(session: aiohttp.ClientSession) -> None:
    async with Sandbox(limit=SandboxLimit(per_second=1, burst=1), clock=Clock()) as sandbox:
        raw_client, path = RawClient(sandbox, session), f"{ACTIONS}/slack/actions"
        sandbox.add_api_key("tk_second")
        token = {"Authorization": f"Bearer {sandbox.issue_token('demo-user-1')}"}
        statuses = [
            (await raw_client.call("GET", path, headers=headers)).status
            for headers in (
                token,
                raw_client.headers(),
                raw_client.headers(key="tk_second"),
                raw_client.headers(key="wrong"),
            )
        ]
        assert statuses == [200, 429, 200, 401]
        sandbox.reset()
        assert (await raw_client.get(path)).status == 200


async def test_an_app_throttles_one_account(session: aiohttp.ClientSession) -> None:
    clock = Clock()
    limit = SandboxLimit(per_second=None, per_account=2, per_account_burst=1)
    async with Sandbox(limit=limit, clock=clock) as sandbox:
        raw_client = RawClient(sandbox, session)
        assert (await raw_client.create_contact()).json["node_status"] == "Success"
        throttled = await raw_client.create_contact()
        assert throttled.status == 200
        assert (throttled.json["node_status"], throttled.json["http_status"]) == ("Errored", 429)
        assert throttled.json["data"]["category"] == "RATE_LIMITS"
        assert (await raw_client.create_contact(account="demo-user-2")).json["node_status"] == "Success"
        slack = await raw_client.execute("slack", "list_users")
        again = await raw_client.execute("slack", "list_users")
        assert (slack.json["node_status"], again.json["data"]) == (
            "Success",
            {"ok": False, "error": "ratelimited"},
        )
        assert sandbox.ledger.count() == 3
        clock.now += 0.5
        assert (await raw_client.create_contact()).json["node_status"] == "Success"


@pytest.mark.parametrize(
    "settings",
    [
        {"per_second": 0},
        {"per_second": -1},
        {"per_second": float("inf")},
        {"per_second": float("nan")},
        {"per_account": 0},
        {"burst": 0},
        {"per_account_burst": 0},
    ],
)
def test_invalid_limits_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SandboxLimit(**settings)  # type: ignore[arg-type]
