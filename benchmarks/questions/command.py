"""What do the `refold` command and the first call of a process cost, beside a bare aiohttp script?"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import benchmarks
from benchmarks import certificate
from benchmarks.clients import PLAIN, REFOLD
from benchmarks.machine import cached_modules, printed_figure
from benchmarks.options import RunOptions
from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, SLUG, SMALL
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds, interleave_processes
from benchmarks.server import serving

_QUESTION, _COLUMNS = "What does a command cost?", ("x bare", "ms")
_SCRIPT, _HELP, _EXECUTE = "aiohttp script", "refold --help", "refold execute"
_REFOLD = "from refold_async.cli import main; raise SystemExit(main())"

Measure = Callable[[], float]


def ask(options: RunOptions) -> Table:
    """Measure each in fresh processes, in turn."""
    if find_spec("click") is None or not certificate.available():
        return Table(_QUESTION, _COLUMNS, (), note="Not measured: click or trustme is not installed.")
    commands, calls = _commands(options.rounds + 3), _first_calls(2 * options.rounds)
    rows = [Row(name, (commands.ratio(name, _SCRIPT), commands.cost(name))) for name in commands.costs]
    rows += [Row(f"first call: {name}", (calls.ratio(name, PLAIN), calls.cost(name))) for name in calls.costs]
    return Table(
        _QUESTION,
        _COLUMNS,
        tuple(rows),
        note=(
            "CPU time of a process from start to end; the script parses arguments, posts with aiohttp and "
            "prints JSON. The first call is measured without the imports, over TLS, and includes the SSL "
            "context and the handshake."
        ),
        bounds=(
            Bound("refold --help, x an aiohttp script", commands.ratio(_HELP, _SCRIPT).median, 0.3),
            Bound(
                "refold execute, x an aiohttp script (target: 1.2)",
                commands.ratio(_EXECUTE, _SCRIPT).median,
                1.25,
            ),
            Bound("first call, x aiohttp's", calls.ratio(REFOLD, PLAIN).median, 1.25),
        ),
    )


def _commands(rounds: int) -> Rounds:
    script = str(Path(benchmarks.__file__).with_name("bare_script.py"))
    with serving(SMALL) as base_url:
        refold = (sys.executable, "-c", _REFOLD)
        execute = ("execute", SLUG, ACTION, "--account", ACCOUNT, "--param", "limit=1")
        return interleave_processes(
            {
                _SCRIPT: lambda: _process(base_url, sys.executable, script, ACCOUNT, ACTION, "limit=1"),
                _HELP: lambda: _process(base_url, *refold, "--help"),
                _EXECUTE: lambda: _process(base_url, *refold, *execute),
            },
            rounds,
        )


def _process(base_url: str, *command: str) -> float:
    """Return the CPU milliseconds of a process."""
    environment = cached_modules() | {"REFOLD_API_KEY": API_KEY, "REFOLD_BASE_URL": base_url}
    before = _children()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return (_children() - before) * 1e3


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _first_calls(rounds: int) -> Rounds:
    with tempfile.TemporaryDirectory() as folder:
        made = certificate.make(Path(folder))
        with serving(SMALL, tls=made) as base_url:
            measures = {name: _first_call(name, base_url, made) for name in (PLAIN, REFOLD)}
            return interleave_processes(measures, rounds)


def _first_call(name: str, base_url: str, made: certificate.Certificate) -> Measure:
    command = [sys.executable, "-m", "benchmarks.first_call", name, base_url, str(made.authority)]
    return lambda: printed_figure(command) / 1e3
