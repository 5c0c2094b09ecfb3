"""Values for generated records: deterministic for a seed, on every machine and in every run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from unicodedata import normalize

FIRST_NAMES = [
    "Ada",
    "Brian",
    "Chloé",
    "Dmitri",
    "Elif",
    "Farid",
    "Grace",
    "Hiro",
    "Ines",
    "José",
    "Kofi",
    "Lena",
    "Mei",
    "Noor",
    "Olga",
    "Priya",
]
LAST_NAMES = [
    "Alvarez",
    "Brandt",
    "Chen",
    "Dubois",
    "Eriksen",
    "Fofana",
    "García",
    "Halligan",
    "Ito",
    "Jansen",
    "Kaur",
    "Lopes",
    "Müller",
    "Nowak",
]
COMPANIES = [
    "Acme",
    "Borealis",
    "Cobalt",
    "Dynamo",
    "Evergreen",
    "Foxglove",
    "Granite",
    "Harbor",
    "Ironwood",
    "Juniper",
    "Kestrel",
]
SUFFIXES = ["Works", "Labs", "Logistics", "Foods", "Energy", "Health", "Media"]
CITIES = ["Oslo", "Lisbon", "Pune", "Austin", "Lagos", "Kyoto", "Zürich", "Montréal", "Leeds", "Cali"]
WORDS = [
    "ready",
    "shipped",
    "review",
    "invoice",
    "launch",
    "renewal",
    "kickoff",
    "handover",
    "estimate",
    "rollout",
]

_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


class SeededChoices:
    """A stream of choices derived from one text; each draw consumes a few bits of its hash."""

    def __init__(self, text: str) -> None:
        # Account ids may hold lone surrogates (JSON allows them), which plain UTF-8 refuses.
        self._bits = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest())

    @cached_property
    def person(self) -> tuple[str, str]:
        """A first and a last name, shared by all fields of a record."""
        return self.choice(FIRST_NAMES), self.choice(LAST_NAMES)

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit - 1`."""
        self._bits, number = divmod(self._bits, limit)
        return number

    def choice(self, options: list[str]) -> str:
        """Return one of the options."""
        return options[self.below(len(options))]


def object_id(*parts: object) -> str:
    """Return 24 hexadecimal digits, like Refold's own ids, always the same for the same parts."""
    text = "\x1f".join(map(str, parts))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def timestamp(moment: datetime) -> str:
    """Return a moment as the API writes it: UTC, milliseconds, `Z`."""
    return f"{moment.isoformat(timespec='milliseconds')[:23]}Z"


def past_moment(seed: SeededChoices) -> datetime:
    """Return a moment in the year 2025."""
    return _EPOCH + timedelta(milliseconds=seed.below(365 * 24 * 3600 * 1000))


def _ascii(name: str) -> str:
    return normalize("NFKD", name).encode("ascii", "ignore").decode().lower()


def _email(seed: SeededChoices) -> str:
    name = ".".join(map(_ascii, seed.person))
    return f"{name}{seed.below(1000)}@{seed.choice(COMPANIES).lower()}.example"


GENERATORS: Mapping[str, Callable[[SeededChoices], str]] = {
    "first_name": lambda seed: seed.person[0],
    "last_name": lambda seed: seed.person[1],
    "full_name": lambda seed: " ".join(seed.person),
    "email": _email,
    "company": lambda seed: f"{seed.choice(COMPANIES)} {seed.choice(SUFFIXES)}",
    "domain": lambda seed: f"{seed.choice(COMPANIES).lower()}.example",
    "city": lambda seed: seed.choice(CITIES),
    "phone": lambda seed: f"+1555{seed.below(10_000_000):07d}",
    "amount": lambda seed: str(100 + seed.below(100_000)),
    "digits": lambda seed: str(10_000_000 + seed.below(89_999_999)),
    "moment": lambda seed: timestamp(past_moment(seed)),
    "sentence": lambda seed: " ".join(seed.choice(WORDS) for _ in range(5)).capitalize(),
}


def generate(kinds: Mapping[str, str], seed: SeededChoices, place: int = 0) -> dict[str, object]:
    """Return a record's fields: for each name a value of its kind.

    A kind is a name in `GENERATORS`, choices to draw from (`"a|b|c"`), or values that the records
    take in turn by their place (`"a, b, c"`).
    """
    return {name: _value(kind, seed, place) for name, kind in kinds.items()}


def _value(kind: str, seed: SeededChoices, place: int) -> str:
    if kind in GENERATORS:
        return GENERATORS[kind](seed)
    if "|" in kind:
        return seed.choice(kind.split("|"))
    options = kind.split(", ")
    return options[place % len(options)]
