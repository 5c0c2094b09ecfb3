"""Whether and when a failed call is retried: a write that may have run never is."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import errors
from refold_async._core import retries
from refold_async._core.operation import Effect
from refold_async._core.retries import RetryBudget, Waits
from refold_async.errors import Fate, RefoldError
from refold_async.results import ActionFailed, restored
from refold_async.settings import Retry

FATES: tuple[Fate, ...] = get_args(Fate)
EFFECTS: tuple[Effect, ...] = get_args(Effect)


def status_error(status: int, fate: Fate = "unknown") -> RefoldError:
    kind = errors.RateLimitedError if status == 429 else errors.StatusError
    return kind("m", status=status, fate=fate)


def damaged() -> RefoldError:
    error = errors.UnreadableReplyError("m")
    error.transient = True
    return error


def refused_for_good() -> RefoldError:
    error = errors.ConnectionFailedError("m")
    error.transient = False
    return error


def failed_action(http_status: int | None, fate: Fate = "unknown") -> RefoldError:
    return ActionFailed("m", result=restored("Errored", http_status, b"{}"), fate=fate)


TRANSIENT: list[tuple[RefoldError, bool]] = [
    (errors.ConnectionFailedError("m"), True),
    (errors.CertificateError("m"), False),
    (errors.DeadlineExceededError("m"), False),
    (errors.ClosedError("m"), False),
    (errors.SettingsError("m"), False),
    (errors.InvalidCallError("m"), False),
    (errors.UnreadableReplyError("m"), False),
    (damaged(), True),
    (refused_for_good(), False),
    (errors.ReplyTooLargeError("m"), False),
    *((status_error(status), True) for status in (408, 429, 500, 502, 503, 504)),
    *((status_error(status), False) for status in (301, 400, 401, 403, 404, 409, 418, 422, 501, 505, 599)),
    (failed_action(503), True),
    (failed_action(429), True),
    (failed_action(404), False),
    (failed_action(None), False),
]


@pytest.mark.parametrize(("error", "transient"), TRANSIENT, ids=lambda case: repr(case)[:60])
def test_what_is_transient(error: RefoldError, transient: bool) -> None:
    assert retries.is_transient(error) is transient
    assert retries.may_retry(Retry(), "read", error, 1) is transient


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("fate", FATES)
def test_what_is_safe(effect: Effect, fate: Fate) -> None:
    lost = errors.ConnectionFailedError("m", fate=fate)
    assert retries.is_safe(Retry(), effect, lost) is (effect != "write" or fate == "not_sent")


def test_a_write_is_tried_again_after_refolds_own_429_alone() -> None:
    assert retries.is_safe(Retry(), "write", status_error(429, "rejected"))
    assert not retries.is_safe(Retry(throttled_writes=False), "write", status_error(429, "rejected"))
    assert not retries.is_safe(Retry(), "write", status_error(429, "unknown"))
    assert not retries.is_safe(Retry(), "write", status_error(404, "rejected"))
    assert not retries.is_safe(Retry(), "write", failed_action(429, "rejected"))


def test_an_unknown_effect_counts_as_a_write() -> None:
    nonsense: Any = "Read"
    assert not retries.is_safe(Retry(), nonsense, errors.ConnectionFailedError("m", fate="unknown"))


@given(
    st.sampled_from([error for error, _ in TRANSIENT]),
    st.sampled_from(FATES),
    st.sampled_from(EFFECTS),
    st.integers(1, 6),
    st.integers(1, 5),
)
def test_retries_are_bounded_and_never_double_a_write(
    error: RefoldError, fate: Fate, effect: Effect, tried: int, attempts: int
) -> None:
    error.fate = fate
    again = retries.may_retry(Retry(attempts=attempts), effect, error, tried)
    assert not (again and tried >= attempts)
    throttled = isinstance(error, errors.RateLimitedError) and fate == "rejected"
    assert not (again and effect == "write" and fate != "not_sent" and not throttled)


@given(st.floats(0, 10), st.floats(0, 100), st.lists(st.none() | st.floats(0, 500), min_size=1, max_size=30))
def test_waits_stay_within_their_bounds(base: float, cap: float, asked: list[float | None]) -> None:
    waits = Waits(Retry(base=base, cap=cap))
    for number, retry_after in enumerate(asked):
        wait = waits.next(retry_after)
        assert (retry_after or 0) <= wait <= max(retry_after or 0, min(cap, base * 2**number))


@pytest.mark.parametrize("base", [0, 0.0, 1e-300])
def test_the_sequence_of_waits_is_endless(base: float) -> None:
    waits = Waits(Retry(base=base))
    assert all(0 <= waits.next(None) <= 20 for _ in range(1500))


def test_waits_are_spread() -> None:
    assert len({Waits(Retry()).next(None) for _ in range(20)}) > 10


@given(
    st.integers(0, 600), st.lists(st.sampled_from(["transient", "throttled", "success"]) | st.integers(1, 14))
)
def test_the_budget_stays_between_zero_and_its_capacity(capacity: int, steps: list[str | int]) -> None:
    budget = RetryBudget(capacity)
    costs = {"transient": 14, "throttled": 5}
    for step in steps:
        left = budget.left
        if isinstance(step, int):
            budget.refund(step)
            assert budget.left == min(capacity, left + step)
        elif step == "success":
            budget.refund()
            assert budget.left == min(capacity, left + 1)
        else:
            drawn = budget.draw(costs[step])
            assert drawn is (left >= costs[step])
            assert budget.left == (left - costs[step] if drawn else left)
        assert 0 <= budget.left <= capacity


def test_what_a_retry_costs() -> None:
    assert retries.cost_of(status_error(429)) == 5
    assert retries.cost_of(status_error(503)) == 14
    assert retries.cost_of(errors.ConnectionFailedError("m")) == 14
    assert retries.cost_of(errors.ConnectionFailedError("m"), first_stale=True) == 0
    assert repr(RetryBudget(500)) == "RetryBudget(500 of 500)"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"attempts": 0}, "Retry: attempts must be an integer of at least 1, not 0"),
        ({"attempts": 1.5}, "Retry: attempts must be an integer of at least 1, not 1.5"),
        ({"attempts": True}, "Retry: attempts must be an integer of at least 1, not True"),
        ({"budget": -1}, "Retry: budget must be an integer of at least 0, not -1"),
        ({"budget": "9"}, "Retry: budget must be an integer of at least 0, not '9'"),
        ({"base": -0.1}, "Retry: base must be a finite number of at least 0, not -0.1"),
        ({"base": "1"}, "Retry: base must be a finite number of at least 0, not '1'"),
        ({"base": None}, "Retry: base must be a finite number of at least 0, not None"),
        ({"base": float("nan")}, "Retry: base must be a finite number of at least 0, not nan"),
        ({"cap": float("inf")}, "Retry: cap must be a finite number of at least 0, not inf"),
        ({"cap": True}, "Retry: cap must be a finite number of at least 0, not True"),
        ({"attempt_timeout": 0}, "Retry: attempt_timeout must be a positive number of seconds, not 0"),
        (
            {"attempt_timeout": float("nan")},
            "Retry: attempt_timeout must be a positive number of seconds, not nan",
        ),
        ({"attempt_timeout": None}, "Retry: attempt_timeout must be a positive number of seconds, not None"),
        ({"throttled_writes": "no"}, "Retry: throttled_writes must be True or False, not 'no'"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(errors.SettingsError) as caught:
        Retry(**settings)
    assert caught.value.message == words


def test_settings_at_their_bounds_are_accepted() -> None:
    Retry(attempts=1, base=0, cap=0, attempt_timeout=float("inf"), budget=0, throttled_writes=False)
