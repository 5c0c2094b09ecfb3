"""Count the instructions of one call: `python -m benchmarks.instructions [--record]`.

A count is the same on a busy machine as on an idle one, unlike a time. callgrind counts two runs that
differ in the number of calls only, so that starting Python and opening the connection cancel out. Counts are
stored in `instructions.json`, with the versions that they hold for; without `--record`, one that grew by more
than 2% fails.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from benchmarks import machine
from benchmarks.counted import WORK
from benchmarks.payloads import SMALL
from benchmarks.server import serving

STORED = Path(__file__).with_name("instructions.json")

_TOLERANCE = 1.02
_FEW, _MANY = 200, 700
_DELAY = 0.01
"""Seconds to a response. Sooner, it would at times be read together with what a batch's other tasks do."""
_COLLECTED = re.compile(r"Collected : (\d+)")


class Stored(msgspec.Struct):
    """Recorded counts.

    Attributes:
        versions: The versions that they hold for.
        counts: Instructions of one call, by what is counted.
    """

    versions: dict[str, str]
    counts: dict[str, int]


def versions() -> dict[str, str]:
    """Return the versions and builds of what executes the instructions."""
    found = machine.versions(("aiohttp", "msgspec"))
    # The same version of Python, built by another compiler or with other options, takes other instructions.
    python = " ".join(sys.version.split())
    return {"machine": platform.machine(), "python": python, "libc": " ".join(platform.libc_ver()), **found}


def stored() -> Stored:
    """Return the recorded counts."""
    return msgspec.json.decode(STORED.read_bytes(), type=Stored)


def unavailable() -> str | None:
    """Return why counts cannot be compared with the recorded ones here, or `None` if they can be."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed (Debian package valgrind)"
    recorded, here = stored().versions, versions()
    if recorded != here:
        return f"the counts were recorded with {recorded}, this is {here}: record them anew with --record"
    return None


def measure() -> dict[str, int]:
    """Count the instructions of one call of each kind."""
    with serving(SMALL, delay=_DELAY) as base_url, ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {
            (kind, number): pool.submit(_count, kind, number, base_url)
            for kind in WORK
            for number in (_FEW, _MANY)
        }
        return {
            kind: (runs[kind, _MANY].result() - runs[kind, _FEW].result()) // (_MANY - _FEW) for kind in WORK
        }


def _count(kind: str, number: int, base_url: str) -> int:
    with tempfile.NamedTemporaryFile() as unused:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={unused.name}", sys.executable]
        command += ["-m", "benchmarks.counted", kind, str(number), base_url]
        # A hash seed decides which entries of a dict collide, and so how many instructions a look-up takes.
        environment = os.environ | {"PYTHONHASHSEED": "0"}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = _COLLECTED.search(ended.stderr)
    if ended.returncode or found is None:
        raise RuntimeError(f"{kind} cannot be counted: {ended.stderr}")
    return int(found[1])


def main() -> int:
    """Count, and compare or record; return 1 if a count grew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--record", action="store_true", help="store the counts instead of comparing them")
    record = parser.parse_args().record
    if not record and (reason := unavailable()) is not None:
        print(f"skipped: {reason}")
        return 0
    counts = measure()
    if record:
        STORED.write_bytes(msgspec.json.format(msgspec.json.encode(Stored(versions(), counts))) + b"\n")
    bounds = {kind: round(count * _TOLERANCE) for kind, count in stored().counts.items()}
    for kind, bound in bounds.items():
        count = counts[kind]
        ratio = f"{count / counts['floor']:.2f} x the floor"
        verdict = "holds" if count <= bound else "VIOLATED"
        print(f"{verdict}: {kind}, {count:,} instructions, at most {bound:,} ({ratio})")
    return 0 if all(counts[kind] <= bound for kind, bound in bounds.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
