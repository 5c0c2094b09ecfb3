"""`Retry-After`: seconds or a date, and what is invalid."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.responses import retry_after
from refold_async._core.retries import LONGEST_RETRY_AFTER

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("1", 1.0),
        (" 30 ", 30.0),
        ("1.5", 1.5),
        ("86400", 86400.0),
        ("86401", None),
        ("1000000000", None),
        ("1e9", None),
        ("9" * 5000, None),
        ("-1", None),
        ("-0.001", None),
        ("inf", None),
        ("-inf", None),
        ("nan", None),
        ("soon", None),
        ("10 s", None),
        ("1,2", None),
        ("Sun, 01 Mar 2026 12:00:10 GMT", 10.0),
        ("Sunday, 01-Mar-26 12:00:10 GMT", 10.0),
        ("Sun Mar  1 12:00:10 2026", 10.0),
        ("Sun, 01 Mar 2026 12:00:10", 10.0),
        ("Sun, 01 Mar 2026 12:00:10 -0000", 10.0),
        ("Sun, 01 Mar 2026 14:00:10 +0200", 10.0),
        ("Sun, 01 Mar 2026 07:00:10 EST", 10.0),
        ("Sun, 01 Mar 2026 12:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 11:59:59 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Sun, 99 Mar 2026 12:00:10 GMT", None),
        ("Sun, 01 Mar 2026 12:00:10 +9999", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
    ],
)
def test_values(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=NOW) == seconds


@given(st.text() | st.text("0123456789+-:, GMTJanFebSunE.einf"))
def test_any_text_is_a_valid_wait_or_none(value: str) -> None:
    seconds = retry_after(value)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER


@given(st.integers(0, 86_400), st.integers(-23 * 60, 23 * 60))
def test_a_date_in_any_zone_is_the_same_wait(seconds: int, minutes: int) -> None:
    moment = (NOW + timedelta(seconds=seconds)).astimezone(timezone(timedelta(minutes=minutes)))
    assert retry_after(format_datetime(moment), now=NOW) == seconds


def test_without_a_time_given_a_date_counts_from_now() -> None:
    seconds = retry_after(format_datetime(datetime.now(UTC) + timedelta(hours=1)))
    assert seconds is not None
    assert 3000 < seconds <= 3600
