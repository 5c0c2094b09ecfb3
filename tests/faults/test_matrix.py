"""The fault matrix: each fault, met by each operation, over plain TCP and TLS, on both transports.

A cell asserts the class of the error, its fate, the number of attempts and requests, that the deadline was kept,
that the next call on the same client succeeds, and that the client holds nothing it should not. The cells of
one fault run concurrently in one event loop, each with its own server and client.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Literal

import pytest

from refold_async import RateLimit

from .catalogue import FAULTS
from .cell import RETRY, SHORT, Met, due, meet, stalls
from .counting import CELLS
from .fault import Fault, Wire
from .leaks import no_leaks
from .operations import A_GET_AND_A_POST, BATCHES, BATCHES_OF_ONE, SINGLE, Operation, TooBusyError
from .transports import TransportName

RecordProperty = Callable[[str, object], None]


def _operations_once(fault: Fault, wire: Wire, transport: TransportName) -> tuple[Operation, ...]:
    """Return the operations to run against a fault that occurs once.

    The layers above the transport are covered by the first transport. A batch of several calls is left out if
    all of them would meet the fault, or if their handshakes would use up a short deadline.
    """
    if transport == "public":
        return A_GET_AND_A_POST
    alone = fault.lasting or not fault.recovers or (stalls(fault) and wire == "tls")
    return (*SINGLE, *(BATCHES_OF_ONE if alone else BATCHES))


def _operations_always(fault: Fault, transport: TransportName) -> tuple[Operation, ...]:
    """Return the operations that retry after the fault; batches wait for a 429 to pass, beyond their attempts."""
    throttled = fault.read.error == "RateLimitedError"
    operations = (
        A_GET_AND_A_POST if transport == "public" else SINGLE if throttled else (*SINGLE, *BATCHES_OF_ONE)
    )
    return tuple(each for each in operations if fault.expected(each.effect).retried)


def _rows(*, retried: bool) -> list[object]:
    """Return every fault on every wire, or only those after which some call is retried."""
    return [
        pytest.param(fault, wire, id=f"{fault.id}-{wire}")
        for fault in FAULTS
        for wire in fault.wires
        if not retried or (fault.read.retried and not fault.lasting)
    ]


@pytest.mark.parametrize(("fault", "wire"), _rows(retried=False))
async def test_a_fault_that_occurs_once(
    fault: Fault, wire: Wire, transport: TransportName, record_property: RecordProperty
) -> None:
    await _fill(fault, wire, _operations_once(fault, wire, transport), 1, record_property)


@pytest.mark.parametrize(("fault", "wire"), _rows(retried=True))
async def test_a_fault_on_every_attempt(
    fault: Fault, wire: Wire, transport: TransportName, record_property: RecordProperty
) -> None:
    await _fill(fault, wire, _operations_always(fault, transport), RETRY.attempts, record_property)


async def _fill(
    fault: Fault,
    wire: Wire,
    operations: tuple[Operation, ...],
    times: int,
    record_property: RecordProperty,
) -> None:
    """Run the cells of a fault and assert their expected outcomes."""
    record_property(CELLS, len(operations))
    async with no_leaks():
        met = await asyncio.gather(*(_cell(fault, wire, each, times) for each in operations))
    assert {operation.name: found for operation, found in zip(operations, met, strict=True)} == {
        operation.name: due(fault, operation, times) for operation in operations
    }


async def _cell(fault: Fault, wire: Wire, operation: Operation, times: int) -> Met:
    """Run a cell; if the machine was too busy for a short deadline, again with a longer one."""
    with contextlib.suppress(TooBusyError):
        met = await _met(fault, wire, operation, times, SHORT)
        if met.error != "DeadlineExceededError" or met == due(fault, operation, times):
            return met
    return await _met(fault, wire, operation, times, 10 * SHORT)


async def _met(fault: Fault, wire: Wire, operation: Operation, times: int, short: float) -> Met:
    # With each 429 in a row, a learnt limit would wait longer: a second and a half in all.
    rate_limit: RateLimit | Literal["auto"] = "auto" if times == 1 else RateLimit(1000)
    async with fault.server(wire, times=times) as server:
        return await meet(fault, server, operation, short, rate_limit)
