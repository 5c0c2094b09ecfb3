"""How long a connection is kept, by table and by property."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.transport.keep_alive import KEPT_ALIVE, idle_seconds, lifetime

HEADERS: list[tuple[str | None, float]] = [
    (None, KEPT_ALIVE),
    ("", KEPT_ALIVE),
    ("timeout=5", 4),
    ("timeout=5, max=100", 4),
    ("max=100,timeout=5", 4),
    ("Timeout = 5", 4),
    ('timeout="5"', 4),
    ("timeout=1", 0),
    ("timeout=0", 0),
    ("timeout=16", KEPT_ALIVE),
    ("timeout=3600", KEPT_ALIVE),
    ("timeout=-1, max=zero", KEPT_ALIVE),
    ("timeout=soon", KEPT_ALIVE),
    ("timeout=1.5", KEPT_ALIVE),
    ("timeout=" + "9" * 5000, KEPT_ALIVE),
    ("idle-timeout=5", KEPT_ALIVE),
    ("max=5", KEPT_ALIVE),
]


@pytest.mark.parametrize(("header", "seconds"), HEADERS)
def test_what_a_server_announces(header: str | None, seconds: float) -> None:
    assert idle_seconds(header) == seconds


@given(st.text())
def test_no_header_keeps_a_connection_longer_than_usual(header: str) -> None:
    assert 0 <= idle_seconds(header) <= KEPT_ALIVE


@given(st.integers(0, 10**8))
def test_a_connection_ends_before_the_server_ends_it(seconds: int) -> None:
    assert idle_seconds(f"timeout={seconds}") == max(0, min(KEPT_ALIVE, seconds - 1))


@given(st.floats(1e-9, 1e9))
def test_the_maximum_age_varies_by_a_fifth(age: float) -> None:
    assert 0.8 * age <= lifetime(age) <= 1.2 * age * (1 + 1e-12)


def test_without_a_maximum_age_there_is_no_limit() -> None:
    assert lifetime(math.inf) == math.inf
