"""What do tools for models and generated code add to an execute?"""

import asyncio
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from benchmarks.measured_server import measured_server
from benchmarks.options import RunOptions
from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, PARAMS, SLUG
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Call, Rounds, interleave
from refold_async import Refold

_QUESTION, _COLUMNS = "What do tools and generated code add?", ("x execute", "µs", "µs added")
_EXECUTE, _TOOL, _GENERATED = "execute", "tools.call", "a method of a generated module"


def ask(options: RunOptions) -> Table:
    """Run the same read in several ways against a sandbox in a separate process."""
    if find_spec("click") is None:
        return Table(_QUESTION, _COLUMNS, (), note="Not measured: click is not installed.")
    with measured_server("sandbox") as server, tempfile.TemporaryDirectory() as folder:
        module = _generated(server.base_url, Path(folder) / "hubspot.py")
        rounds = asyncio.run(_compare(options, server.base_url, module))
    return Table(
        _QUESTION,
        _COLUMNS,
        tuple(
            Row(name, (rounds.ratio(name, _EXECUTE), rounds.cost(name), rounds.difference(name, _EXECUTE)))
            for name in rounds.costs
        ),
        note="One read with one contact in its answer, which a tool also checks and shortens; 10 in flight.",
        bounds=(
            Bound("tools.call, x execute", rounds.ratio(_TOOL, _EXECUTE).median, 2.0),
            Bound("µs that generated code adds", rounds.difference(_GENERATED, _EXECUTE).median, 3.0),
        ),
    )


def _generated(base_url: str, path: Path) -> ModuleType:
    """Return the module that `refold codegen` writes."""
    command = [sys.executable, "-m", "refold_async.cli", "codegen", SLUG, "--account", ACCOUNT]
    environment = os.environ | {"REFOLD_API_KEY": API_KEY, "REFOLD_BASE_URL": base_url}
    subprocess.run([*command, "--out", str(path)], check=True, env=environment, capture_output=True)
    spec = spec_from_file_location("benchmarks_hubspot", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def _compare(options: RunOptions, base_url: str, module: ModuleType) -> Rounds:
    async with Refold(API_KEY, base_url=base_url, rate_limit=None) as refold:
        account = refold.account(ACCOUNT)
        tools = await account.tools({SLUG: [ACTION]})
        app = module.Hubspot(account)
        contenders: dict[str, Call] = {
            _EXECUTE: lambda: account.actions.execute(SLUG, ACTION, PARAMS),
            _GENERATED: lambda: app.get_contact(limit="1"),
            _TOOL: lambda: tools.call(f"{SLUG}_{ACTION}_action", PARAMS),
        }
        return await interleave(contenders, rounds=2 * options.rounds, in_flight=10, seconds=options.seconds)
