"""The matrix: each fault, met by each operation, over plain TCP and TLS, on both transports of the wire.

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
from .fault import Fault, Wire
from .leaks import no_leaks
from .operations import A_GET_AND_A_POST, BATCHES, BATCHES_OF_ONE, SINGLE, Operation, TooBusyError
from .transports import TransportName

RecordProperty = Callable[[str, object], None]


def _meeting_once(fault: Fault, wire: Wire, transport: TransportName) -> tuple[Operation, ...]:
    """The operations that meet a fault which comes once.

    What stands above the transport, the first transport shows for both. A batch of several calls is of no use
    where the fault would meet them all; and many handshakes would take up a short deadline.
    """
    if transport == "public":
        return A_GET_AND_A_POST
    alone = fault.lasting or not fault.recovers or (stalls(fault) and wire == "tls")
    return (*SINGLE, *(BATCHES_OF_ONE if alone else BATCHES))


def _meeting_always(fault: Fault, transport: TransportName) -> tuple[Operation, ...]:
    """The operations that try again after a fault; a batch waits a 429 out, past its tries."""
    throttled = fault.read.error == "RateLimitedError"
    operations = (
        A_GET_AND_A_POST if transport == "public" else SINGLE if throttled else (*SINGLE, *BATCHES_OF_ONE)
    )
    return tuple(each for each in operations if fault.expected(each.effect).retried)


def _rows(*, tried_again: bool) -> list[object]:
    """Every fault over every wire, or of those only the ones after which some call is tried again."""
    return [
        pytest.param(fault, wire, id=f"{fault.id}-{wire}")
        for fault in FAULTS
        for wire in fault.wires
        if not tried_again or (fault.read.retried and not fault.lasting)
    ]


@pytest.mark.parametrize(("fault", "wire"), _rows(tried_again=False))
async def test_a_fault_that_comes_once(
    fault: Fault, wire: Wire, transport: TransportName, record_property: RecordProperty
) -> None:
    await _fill(fault, wire, _meeting_once(fault, wire, transport), 1, record_property)


@pytest.mark.parametrize(("fault", "wire"), _rows(tried_again=True))
async def test_a_fault_that_meets_every_try(
    fault: Fault, wire: Wire, transport: TransportName, record_property: RecordProperty
) -> None:
    await _fill(fault, wire, _meeting_always(fault, transport), RETRY.attempts, record_property)


async def _fill(
    fault: Fault,
    wire: Wire,
    operations: tuple[Operation, ...],
    times: int,
    record_property: RecordProperty,
) -> None:
    """Fill the cells of a fault, and say where they are not as they must be."""
    record_property(CELLS, len(operations))
    async with no_leaks():
        met = await asyncio.gather(*(_cell(fault, wire, each, times) for each in operations))
    assert {operation.name: found for operation, found in zip(operations, met, strict=True)} == {
        operation.name: due(fault, operation, times) for operation in operations
    }


async def _cell(fault: Fault, wire: Wire, operation: Operation, times: int) -> Met:
    """Fill a cell; where the machine was too busy for a short deadline, with a longer one."""
    with contextlib.suppress(TooBusyError):
        met = await _met(fault, wire, operation, times, SHORT)
        if met.error != "DeadlineExceededError" or met == due(fault, operation, times):
            return met
    return await _met(fault, wire, operation, times, 10 * SHORT)


async def _met(fault: Fault, wire: Wire, operation: Operation, times: int, short: float) -> Met:
    async with fault.server(wire, times=times) as server:
        return await meet(fault, server, operation, short)
