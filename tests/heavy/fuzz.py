"""Fuzz the functions that parse untrusted input.

    python -m tests.heavy.fuzz --seconds 60            # each target for a minute
    python -m tests.heavy.fuzz --seconds 600 execute   # one target for ten minutes

With atheris (`pip install atheris`, CPython 3.11 to 3.13 on Linux) fuzzing is guided by code coverage; without
it, seeds are mutated at random. The corpus is in `seeds/`; inputs that fail are added there, and
`test_seeds.py` runs all of them in the suite.
"""

import argparse
import hashlib
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .reporter import emit

SEEDS = Path(__file__).with_name("seeds")
MAX_LENGTH = 4096


def guided(name: str, seconds: int) -> int:
    """Fuzz one target with atheris, which exits the process; return the exit code."""
    atheris: Any = importlib.import_module("atheris")  # untyped, and optional
    with atheris.instrument_imports(include=["refold_async"]):
        from .targets import TARGETS
    with tempfile.TemporaryDirectory() as found:
        arguments = [
            sys.argv[0],
            f"-max_total_time={seconds}",
            f"-max_len={MAX_LENGTH}",
            f"-artifact_prefix={SEEDS / name}/failed-",
            "-timeout=10",
            "-print_final_stats=1",
            "-verbosity=0",
            found,
            str(SEEDS / name),
        ]
        atheris.Setup(arguments, TARGETS[name])
        atheris.Fuzz()
    return 0


def unguided(name: str, seconds: int, seed: int) -> int:
    """Fuzz one target by mutating seeds at random; return the exit code."""
    from .targets import TARGETS

    chance, tries, end = random.Random(seed), 0, time.monotonic() + seconds
    seeds = [path.read_bytes() for path in sorted((SEEDS / name).iterdir())]
    while time.monotonic() < end:
        data = _mutated(chance, seeds)
        tries += 1
        try:
            TARGETS[name](data)
        except Exception:
            digest = hashlib.sha256(data).hexdigest()[:16]
            (SEEDS / name / f"failed-{digest}").write_bytes(data)
            raise
    emit(f"{name}: {tries} inputs, without coverage guidance")
    return 0


def _mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 8)):
        place = chance.randint(0, len(data))
        match chance.randrange(4):
            case 0:
                data[place : place + 1] = chance.randbytes(1)
            case 1:
                del data[place : place + chance.randint(1, 8)]
            case 2:
                data[place:place] = chance.choice(
                    [b"null", b"[", b"{}", b'"', b"1e999", b"\xff", b"\\ud800", b","]
                )
            case _:
                other = chance.choice(seeds)
                begin = chance.randint(0, len(other))
                data[place:place] = other[begin : begin + chance.randint(1, 64)]
    return bytes(data[:MAX_LENGTH])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=60, help="seconds per target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with_atheris = importlib.util.find_spec("atheris") is not None
    if options.one:
        [name] = options.targets
        raise SystemExit(
            guided(name, options.seconds) if with_atheris else unguided(name, options.seconds, options.seed)
        )
    failed = []
    for name in options.targets or sorted(path.name for path in SEEDS.iterdir() if path.is_dir()):
        command = [sys.executable, "-m", "tests.heavy.fuzz", "--one", "--seconds", str(options.seconds), name]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        facts = [
            line
            for line in (ended.stdout + ended.stderr).splitlines()
            if line.startswith(("stat::number", name))
        ]
        emit(f"{name}: {'failed' if ended.returncode else 'passed'} {' '.join(facts)}")
        if ended.returncode:
            failed.append(name)
            emit(ended.stderr[-3000:])
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
