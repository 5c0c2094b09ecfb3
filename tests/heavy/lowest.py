"""Print the lowest supported versions of the dependencies as pip constraints.

python -m tests.heavy.lowest > lowest.txt && pip install -c lowest.txt -e ".[dev]"
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from .reporter import emit

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
EXTRAS = ("cli", "fastapi", "otel", "postgres")
"""The extras that users install; development tools may be newer."""


def constraints() -> Iterator[str]:
    """Yield `name==version` for each user-facing dependency, from its lower bound."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    for need in [
        *project["dependencies"],
        *(each for extra in EXTRAS for each in project["optional-dependencies"][extra]),
    ]:
        found = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9.]+)(?:,.*)?", need)
        assert found is not None, f"{need} has no lower bound"
        yield f"{found[1]}=={found[2]}"


if __name__ == "__main__":
    emit("\n".join(constraints()))
