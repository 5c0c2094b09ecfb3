"""The lowest versions that the package says it runs with, as constraints for pip.

python -m tests.heavy.lowest > lowest.txt && pip install -c lowest.txt -e ".[dev]"
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from .reporter import tell

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
EXTRAS = ("cli", "fastapi", "otel")
"""What users install; the tools of development may be new."""


def constraints() -> Iterator[str]:
    """Give `name==version` for each dependency of users, by its lower bound."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    for need in [
        *project["dependencies"],
        *(each for extra in EXTRAS for each in project["optional-dependencies"][extra]),
    ]:
        found = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9.]+)(?:,.*)?", need)
        assert found is not None, f"{need} names no lowest version"
        yield f"{found[1]}=={found[2]}"


if __name__ == "__main__":
    tell("\n".join(constraints()))
