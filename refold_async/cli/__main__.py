"""`python -m refold_async.cli`: the `refold` command when no script is installed."""

import sys

from refold_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
