"""The matrix: each fault, met by each operation, over plain TCP and TLS, on both roads of the transport.

A cell says the class of the error, its fate, how many tries and requests there were, that the deadline held,
that the next call on the same client succeeds, and that the client holds nothing it should not. The cells of
one fault run side by side in one event loop, each with a server and a client of its own.
"""

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from .catalogue import FAULTS
from .cell import RETRY, SHORT, Met, due, meet, stalls
from .counting import CELLS
from .fault import Fault, Transport
from .leaks import no_leaks
from .operations import A_GET_AND_A_POST, BATCHES, BATCHES_OF_ONE, SINGLE, Operation, TooBusyError
from .roads import Road

RecordProperty = Callable[[str, object], None]


def _meeting_once(fault: Fault, transport: Transport, road: Road) -> tuple[Operation, ...]:
    """The operations that meet a fault which comes once.

    What stands above the transport, the first road shows for both. A batch of several calls is of no use
    where the fault would meet them all; and many handshakes would take up a short deadline.
    """
    if road == "public":
        return A_GET_AND_A_POST
    alone = fault.lasting or not fault.recovers or (stalls(fault) and transport == "tls")
    return (*SINGLE, *(BATCHES_OF_ONE if alone else BATCHES))


def _meeting_always(fault: Fault, road: Road) -> tuple[Operation, ...]:
    """The operations that try again after a fault; a batch waits a 429 out, past its tries."""
    throttled = fault.read.error == "RateLimitedError"
    operations = A_GET_AND_A_POST if road == "public" else SINGLE if throttled else (*SINGLE, *BATCHES_OF_ONE)
    return tuple(each for each in operations if fault.expected(each.effect).retried)


def _rows(*, tried_again: bool) -> list[object]:
    """Every fault over every transport, or of those only the ones after which some call is tried again."""
    return [
        pytest.param(fault, transport, id=f"{fault.id}-{transport}")
        for fault in FAULTS
        for transport in fault.transports
        if not tried_again or (fault.read.retried and not fault.lasting)
    ]


@pytest.mark.parametrize(("fault", "transport"), _rows(tried_again=False))
async def test_a_fault_that_comes_once(
    fault: Fault, transport: Transport, road: Road, record_property: RecordProperty
) -> None:
    await _fill(fault, transport, _meeting_once(fault, transport, road), 1, record_property)


@pytest.mark.parametrize(("fault", "transport"), _rows(tried_again=True))
async def test_a_fault_that_meets_every_try(
    fault: Fault, transport: Transport, road: Road, record_property: RecordProperty
) -> None:
    await _fill(fault, transport, _meeting_always(fault, road), RETRY.attempts, record_property)


async def _fill(
    fault: Fault,
    transport: Transport,
    operations: tuple[Operation, ...],
    times: int,
    record_property: RecordProperty,
) -> None:
    """Fill the cells of a fault, and say where they are not as they must be."""
    record_property(CELLS, len(operations))
    async with no_leaks():
        met = await asyncio.gather(*(_cell(fault, transport, each, times) for each in operations))
    assert {operation.name: found for operation, found in zip(operations, met, strict=True)} == {
        operation.name: due(fault, operation, times) for operation in operations
    }


async def _cell(fault: Fault, transport: Transport, operation: Operation, times: int) -> Met:
    """Fill a cell; where the machine was too busy for a short deadline, with a longer one."""
    with contextlib.suppress(TooBusyError):
        met = await _met(fault, transport, operation, times, SHORT)
        if met.error != "DeadlineExceededError" or met == due(fault, operation, times):
            return met
    return await _met(fault, transport, operation, times, 10 * SHORT)


async def _met(fault: Fault, transport: Transport, operation: Operation, times: int, short: float) -> Met:
    async with fault.server(transport, times=times) as server:
        return await meet(fault, server, operation, short)
