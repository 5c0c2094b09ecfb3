"""The operators of a search, over values that are texts."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from refold_async.sandbox.apps.job import ProblemError, as_text
from refold_async.sandbox.apps.records import Record


class Filter(NamedTuple):
    """One condition of a search, and the words that must occur in any field."""

    name: str
    operator: str
    value: str
    query: str

    def accepts(self, record: Record) -> bool:
        """Whether the record fits."""
        if self.query and not any(self.query in as_text(value).lower() for value in record.fields.values()):
            return False
        if not self.operator:
            return True
        held = record.id if self.name in ("id", "hs_object_id") else as_text(record.fields.get(self.name))
        return OPERATORS[self.operator](held, self.value)


def make_filter(name: str, operator: str, value: str, query: str) -> Filter:
    """A filter; an unknown operator is the app's own error."""
    if operator and operator.upper() not in OPERATORS:
        raise ProblemError("invalid", f"{operator} is not a valid operator")
    return Filter(name, operator.upper(), value, query.lower())


def _order(held: str, value: str) -> int:
    """Below, equal or above 0: by number where both are, else by text."""
    try:
        left, right = float(held), float(value)
    except ValueError:
        return (held > value) - (held < value)
    return (left > right) - (left < right)


def _among(held: str, value: str) -> bool:
    return held.lower() in {option.strip().lower() for option in value.split(",")}


OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "EQ": lambda held, value: held.lower() == value.lower(),
    "NEQ": lambda held, value: held.lower() != value.lower(),
    "LT": lambda held, value: held != "" and _order(held, value) < 0,
    "LTE": lambda held, value: held != "" and _order(held, value) <= 0,
    "GT": lambda held, value: held != "" and _order(held, value) > 0,
    "GTE": lambda held, value: held != "" and _order(held, value) >= 0,
    "IN": _among,
    "NOT_IN": lambda held, value: not _among(held, value),
    "HAS_PROPERTY": lambda held, _: held != "",
    "NOT_HAS_PROPERTY": lambda held, _: held == "",
    "CONTAINS_TOKEN": lambda held, value: value.strip("*").lower() in held.lower(),
    "NOT_CONTAINS_TOKEN": lambda held, value: value.strip("*").lower() not in held.lower(),
}
