"""Many kills of large batches: `python -m tests.batch.kill_many --kills 50 --writes 2000`.

Every other job is the command `refold batch --journal --out`; each job is killed twice. With `--format`, each
is that command with a folder in this format.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import get_args

from refold_async.row_files import FileFormat
from refold_async.sandbox import Sandbox

from .killing import Command, Trial, kill_and_resume

_KILLS_OF_A_JOB = 2


async def main(kills: int, writes: int, seed: int, form: FileFormat | None) -> None:
    trials: list[Trial] = []
    began = time.monotonic()
    async with Sandbox(latency=0.01) as sandbox:
        for number in range(kills // _KILLS_OF_A_JOB):
            command: Command = form or ("file" if number % 2 else None)
            with tempfile.TemporaryDirectory() as folder:
                trial = await kill_and_resume(
                    sandbox, Path(folder), writes, seed + number, kills=_KILLS_OF_A_JOB, command=command
                )
            trials.append(trial)
            print(f"{number + 1:3} {command or 'program'} {trial}", flush=True)  # noqa: T201
    under_way = sum(trial.under_way_at_kill for trial in trials)
    ran = sum(trial.under_way_that_ran for trial in trials)
    again = sum(trial.delivered_again for trial in trials)
    print(  # noqa: T201
        f"{kills} kills of jobs of {writes:,} writes in {time.monotonic() - began:.0f} s: none ran twice, none is "
        f"missing, every result was delivered ({again} twice, in --out each once), {under_way} under way at a kill "
        f"were reported unknown in every later run ({ran} of them had run)"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--writes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=get_args(FileFormat))
    given = parser.parse_args()
    asyncio.run(main(given.kills, given.writes, given.seed, given.format))
