"""Run the whole fuzzing corpus, including inputs that once failed."""

from pathlib import Path

import pytest

from .fuzz import SEEDS
from .targets import TARGETS


def test_each_target_has_seeds() -> None:
    assert {path.name for path in SEEDS.iterdir()} == set(TARGETS)


@pytest.mark.parametrize(
    "seed", sorted(SEEDS.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}"
)
def test_seed(seed: Path) -> None:
    TARGETS[seed.parent.name](seed.read_bytes())
