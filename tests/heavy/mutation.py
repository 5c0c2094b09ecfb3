"""Mutation testing of the pure modules.

    python -m tests.heavy.mutation                        # every module
    python -m tests.heavy.mutation requests rate_limits   # some

Applies one mutation at a time to a module and runs the module's tests, which must fail. Prints each module's
score and the surviving mutants. Fails if a score is below 90%, or if a mutant survives that `mutation.md` does
not explain.
"""

import argparse
import contextlib
import importlib.abc
import importlib.util
import io
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

from .mutants import Mutant, mutants
from .reporter import emit

ROOT = Path(__file__).parents[2]
EXPLAINED = Path(__file__).with_name("mutation.md")
LEAST = 0.9
MEMORY = 4 << 30
"""Address space of one run in bytes: a mutant that loops forever may also allocate forever."""
TIMEOUT_MARGIN = 10
"""Seconds, in addition to five times the usual duration, after which running tests count as failed."""

MODULES: dict[str, tuple[str, list[str]]] = {
    "requests": (
        "_core.requests",
        ["core/test_requests.py", "core/test_boundaries.py", "security/test_added_headers.py"],
    ),
    "responses": (
        "_core.responses",
        ["core/test_responses.py", "core/test_retry_after.py", "core/test_boundaries.py"],
    ),
    "retries": ("_core.retries", ["core/test_retries.py", "core/test_boundaries.py"]),
    "effects": ("_core.effects", ["core/test_operation.py", "core/test_effects.py"]),
    "rate_limits": ("_core.rate_limits", ["core/test_rate_limits.py", "core/test_boundaries.py"]),
    "limiter": ("_core.limiter", ["core/test_boundaries.py", "core/test_limiter.py"]),
    "scheduler": ("batch.scheduler", ["batch/test_scheduler_states.py", "batch/test_scheduler.py"]),
    "journal": (
        "batch.journal.sqlite",
        ["batch/test_journal_file.py", "heavy/test_stateful.py::TestJournal", "batch/test_journal.py"],
    ),
    "replay": ("batch.journal.replay", ["batch/test_resuming.py", "batch/test_journal.py"]),
    "webhooks": ("webhooks", ["api/test_webhooks.py", "security/test_hostile.py"]),
}


class _MutantImporter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from compiled code in memory."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self._name, self._path, self._code = name, path, code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def killed(
    module: str, tests: list[str], candidates: Sequence[Mutant | None], jobs: int, timeout: float
) -> list[bool]:
    """Run the tests on each mutant in a separate process; return whether they failed."""
    failed = [True] * len(candidates)
    waiting = list(enumerate(candidates))[::-1]
    running: dict[int, tuple[int, float]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            index, mutant = waiting.pop()
            running[_fork(module, tests, mutant)] = index, time.monotonic()
        done, status = os.waitpid(-1, os.WNOHANG)
        if done:
            index, _ = running.pop(done)
            failed[index] = status != 0
        else:
            time.sleep(0.01)
            _kill_late(running, timeout)
    return failed


def _fork(module: str, tests: list[str], mutant: Mutant | None) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os._exit(_run(module, tests, mutant))
    return child


def _kill_late(running: dict[int, tuple[int, float]], timeout: float) -> None:
    for child, (_, began) in running.items():
        if time.monotonic() - began > timeout:
            os.kill(child, signal.SIGKILL)


def _run(module: str, tests: list[str], mutant: Mutant | None) -> int:
    import pytest
    from hypothesis import Phase, settings

    # One failure is enough, so examples are not shrunk.
    quick = settings(phases=[Phase.explicit, Phase.generate], deadline=None, max_examples=60, database=None)
    settings.register_profile("quick", quick)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if mutant is not None:
        path = ROOT / "refold_async" / (module.replace(".", "/") + ".py")
        code = compile(mutant.tree, str(path), "exec")
        sys.meta_path.insert(0, _MutantImporter(f"refold_async.{module}", path, code))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        arguments = ["-x", "-q", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider"]
        arguments += [
            "-p",
            "no:faulthandler",
            "--assert=plain",
            "--hypothesis-seed=0",
            "--hypothesis-profile=quick",
            f"--rootdir={ROOT}",
        ]
        return int(pytest.main([*arguments, *(str(ROOT / "tests" / test) for test in tests)]))


def measure(name: str, jobs: int) -> tuple[int, list[Mutant]]:
    """Return the number of mutants of a module, and the survivors."""
    module, tests = MODULES[name]
    began = time.monotonic()
    if killed(module, tests, [None], 1, math.inf) == [True]:
        raise SystemExit(f"{name}: the tests fail without a mutation")
    timeout = TIMEOUT_MARGIN + 5 * (time.monotonic() - began)
    source = (ROOT / "refold_async" / (module.replace(".", "/") + ".py")).read_text()
    found = list(mutants(source))
    failed = killed(module, tests, found, jobs, timeout)
    return len(found), [mutant for mutant, seen in zip(found, failed, strict=True) if not seen]


def row_of(name: str, mutant: Mutant) -> str:
    """Return the row of a survivor in `mutation.md`, without the explanation."""
    was, becomes = (text.replace("|", "\\|") for text in (mutant.was, mutant.becomes))
    return f"| {name} | `{mutant.place}` | `{was}` | `{becomes}` |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", help=", ".join(MODULES))
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    import aiohttp.web  # noqa: F401 - imported once for all child processes
    import blockbuster  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: F401
    import pytest  # noqa: F401

    explained = EXPLAINED.read_text() if EXPLAINED.exists() else ""
    wrong = False
    for name in options.modules or MODULES:
        total, survivors = measure(name, options.jobs)
        score = 1 - len(survivors) / total
        emit(f"{name}: {total - len(survivors)} of {total} mutants killed ({score:.1%})")
        new = [row for row in (row_of(name, mutant) for mutant in survivors) if row not in explained]
        if new:
            emit("\n".join(new))
        wrong = wrong or score < LEAST or bool(new)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
