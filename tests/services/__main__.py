"""Start services by hand, and print how to reach them: `python -m tests.services redis postgres`."""

import contextlib
import signal
import sys
from contextlib import ExitStack

from . import postgres, redis

STARTED = {"redis": redis, "postgres": postgres}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in STARTED]
    if unknown or not names:
        sys.exit(f"usage: python -m tests.services {{{','.join(STARTED)}}} ...")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as running:
        for name in names:
            server = running.enter_context(STARTED[name]())
            sys.stdout.write(f"export {name.upper()}_URL={server.url}\n")
            sys.stdout.flush()
        sys.stderr.write("Ctrl-C ends them.\n")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


main(sys.argv[1:])
