"""What a heavy run says, at once, also where its output goes to a file."""

import sys


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
