"""The typed examples are for the type checkers; here they are at least imported."""

from . import examples


def test_the_examples_use_names_that_exist() -> None:
    assert callable(examples.refused)
