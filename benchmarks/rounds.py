"""Interleaved rounds: each round measures every contender, and ratios are taken within a round."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.machine import cpu_seconds

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Figure:
    """The median over the rounds, with minimum and maximum."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Rounds:
    """The cost of each contender by round, in one unit."""

    costs: Mapping[str, Sequence[float]]

    def cost(self, name: str) -> Figure:
        return Figure.of(self.costs[name])

    def ratio(self, name: str, to: str) -> Figure:
        """Return the cost relative to `to`: the median of the ratios within each round."""
        pairs = zip(self.costs[name], self.costs[to], strict=True)
        return Figure.of([mine / theirs for mine, theirs in pairs])

    def difference(self, name: str, to: str) -> Figure:
        pairs = zip(self.costs[name], self.costs[to], strict=True)
        return Figure.of([mine - theirs for mine, theirs in pairs])


async def drive(call: Call, times: int, in_flight: int) -> None:
    """Run `call` `times` times, `in_flight` at a time."""

    async def worker(share: int) -> None:
        for _ in range(share):
            await call()

    share, rest = divmod(times, in_flight)
    await asyncio.gather(*(worker(share + (number < rest)) for number in range(in_flight)))


async def interleave(
    calls: Mapping[str, Call], *, rounds: int, in_flight: int, seconds: float = 0.25
) -> Rounds:
    """Measure the CPU microseconds per call of each of `calls`, for about `seconds` per round."""
    times = {name: await _calibrate(call, in_flight, seconds) for name, call in calls.items()}
    costs: dict[str, list[float]] = {name: [] for name in calls}
    for name in _order(calls, rounds):
        costs[name].append(await _cpu_micros(calls[name], times[name], in_flight))
    return Rounds(costs)


async def interleave_runs(runs: Mapping[str, Call], *, rounds: int, calls: int) -> Rounds:
    """Measure the CPU microseconds per call of each of `runs`, which makes `calls` calls at a time."""
    costs: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        await run()
    for name in _order(runs, rounds):
        gc.collect()
        before = cpu_seconds()
        await runs[name]()
        costs[name].append((cpu_seconds() - before) / calls * 1e6)
    return Rounds(costs)


def interleave_sync(
    functions: Mapping[str, Callable[[], object]], *, rounds: int, seconds: float = 0.25
) -> Rounds:
    """Measure the CPU microseconds per run of each of `functions`, for about `seconds` per round."""
    times = {name: _calibrate_sync(function, seconds) for name, function in functions.items()}
    costs: dict[str, list[float]] = {name: [] for name in functions}
    for name in _order(functions, rounds):
        costs[name].append(_cpu_micros_sync(functions[name], times[name]))
    return Rounds(costs)


def interleave_processes(measures: Mapping[str, Callable[[], float]], rounds: int) -> Rounds:
    """Measure each in turn, after a first time that does not count: it compiles and caches."""
    for measure in measures.values():
        measure()
    costs: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            costs[name].append(measure())
    return Rounds(costs)


def _order(names: Iterable[str], rounds: int) -> Iterator[str]:
    """Yield every name once per round, starting with a different one each time."""
    order = list(names)
    for number in range(rounds):
        start = number % len(order)
        yield from order[start:]
        yield from order[:start]


def _calibrate_sync(function: Callable[[], object], seconds: float) -> int:
    started = time.perf_counter()
    function()
    function()
    return max(3, int(2 * seconds / (time.perf_counter() - started)))


def _cpu_micros_sync(function: Callable[[], object], times: int) -> float:
    """Measure with the garbage collector enabled, as in a real program."""
    gc.collect()
    before = cpu_seconds()
    for _ in range(times):
        function()
    spent = cpu_seconds() - before
    return spent / times * 1e6


async def _calibrate(call: Call, in_flight: int, seconds: float) -> int:
    await drive(call, 3 * in_flight, in_flight)
    started = time.perf_counter()
    await drive(call, 10 * in_flight, in_flight)
    return max(2 * in_flight, int(10 * in_flight * seconds / (time.perf_counter() - started)))


async def _cpu_micros(call: Call, times: int, in_flight: int) -> float:
    await drive(call, in_flight, in_flight)
    gc.collect()
    before = cpu_seconds()
    await drive(call, times, in_flight)
    return (cpu_seconds() - before) / times * 1e6
