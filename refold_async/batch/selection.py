"""Some calls of a batch's input, to run again what a customer's broken connection held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Final

from refold_async._core.checks import check_header
from refold_async.batch.source import Calls
from refold_async.calls import Call
from refold_async.errors import SettingsError

_SLICE: Final = 1000


async def calls_of(linked_account_id: str, calls: Calls, *, slug: str | None = None) -> AsyncGenerator[Call]:
    """Yield the calls of one customer, as the input of a batch with the journal of all of them.

    After a customer has connected an app again, this runs what was skipped or failed without it, and nothing
    that was done:

        calls = calls_of("demo-user-7", nightly(), slug="hubspot")
        async with refold.batch(calls, journal="nightly.sqlite") as outcomes: ...

    Args:
        linked_account_id: The customer.
        calls: The whole input.
        slug: Only calls of this app; default: all of the customer.

    Raises:
        SettingsError: If one of them has no key: a journal would identify it by its position in the input.
    """
    check_header("linked_account_id", linked_account_id)
    if isinstance(calls, AsyncIterable):
        async for call in calls:
            if _is_of(call, linked_account_id, slug):
                yield call
        return
    for number, call in enumerate(calls, 1):
        if not number % _SLICE:
            await asyncio.sleep(0)  # or a long input would hold the event loop
        if _is_of(call, linked_account_id, slug):
            yield call


def _is_of(call: Call, linked_account_id: str, slug: str | None) -> bool:
    chosen = call.linked_account_id == linked_account_id and slug in {None, call.slug}
    if chosen and call.key is None:
        raise SettingsError(
            f"a call of account {linked_account_id!r} has no key, so a journal knows only its position: "
            "give the calls keys, or run the whole input again"
        )
    return chosen
