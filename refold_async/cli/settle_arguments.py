"""The options that say how unknown writes are looked up, and the `Settle` that they make."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import click
import msgspec

from refold_async._core.effects import effect_of_action
from refold_async.calls import Call
from refold_async.cli.arguments import F, read_pairs, with_options
from refold_async.errors import SettingsError
from refold_async.settle import Lookup, Settle

_OPTIONS: Final = (
    click.option(
        "--settle",
        "lookup_action",
        metavar="ACTION",
        help="Look up unknown writes with this action, which must only read.",
    ),
    click.option(
        "--lookup",
        "lookup_pairs",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the look-up; {name} stands for the call's own parameter; repeatable.",
    ),
    click.option(
        "--match",
        "matches",
        multiple=True,
        metavar="PATH=VALUE",
        help="A condition on a matching record, e.g. results[].properties.email={email}; repeatable.",
    ),
    click.option(
        "--lookup-reads",
        is_flag=True,
        help="The action of --settle only reads, although its name does not say so.",
    ),
    click.option(
        "--after", default="30,120", show_default=True, metavar="S,S", help="Seconds after which to look."
    ),
    click.option(
        "--absent",
        type=click.Choice(["report", "run"]),
        default="report",
        show_default=True,
        help="What to do with a write that is absent after the last look: report it, or run it again.",
    ),
)


def settle_options(function: F) -> F:
    """Add the options of `SettleArguments` to a command."""
    return with_options(function, _OPTIONS)


class SettleArguments(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a command that settles."""

    lookup_action: str | None
    lookup_pairs: tuple[str, ...]
    lookup_reads: bool
    matches: tuple[str, ...]
    after: str
    absent: str

    def words(self) -> list[str]:
        """Return the options as words of a command line."""
        if self.lookup_action is None:
            return []
        each = [("--lookup", pair) for pair in self.lookup_pairs] + [
            ("--match", text) for text in self.matches
        ]
        each += [("--settle", self.lookup_action), ("--after", self.after), ("--absent", self.absent)]
        words = [f"{name}={value}" for name, value in each]
        return [*words, "--lookup-reads"] if self.lookup_reads else words

    def settle(self) -> Settle | None:
        """Return the setting, or `None` without `--settle`.

        Raises:
            click.UsageError: If an option is missing or cannot work.
        """
        if self.lookup_action is None:
            if self.lookup_pairs or self.matches:
                raise click.UsageError("--lookup and --match need --settle ACTION")
            return None
        if not self.matches:
            raise click.UsageError(
                "--settle needs --match, e.g. --match 'results[].properties.email={email}': most searches"
                " also return records that are only similar"
            )
        if not self.lookup_reads and effect_of_action(self.lookup_action) != "read":
            raise click.BadParameter(
                f"{self.lookup_action} writes, as its name says; if it only reads, pass --lookup-reads",
                param_hint="--settle",
            )
        lookup = TemplateLookup(self.lookup_action, read_pairs(self.lookup_pairs, "--lookup"), self.matches)
        try:
            return Settle(
                lookup, after=_seconds(self.after), absent="run" if self.absent == "run" else "report"
            )
        except SettingsError as error:
            raise click.BadParameter(error.message, param_hint="--after") from error

    def check_parameters(self, known: Collection[str]) -> None:
        """Check that calls have the parameters that the options name.

        Args:
            known: The parameters that at least one call has.

        Raises:
            click.BadParameter: If no call has one of them.
        """
        for option, texts in (("--lookup", self.lookup_pairs), ("--match", self.matches)):
            for text in texts:
                for name in _NAME.findall(text.partition("=")[2]):
                    if name not in known:
                        near = difflib.get_close_matches(name, known, n=1)
                        hint = f"; did you mean {{{near[0]}}}?" if near else ""
                        raise click.BadParameter(
                            f"{text!r}: no row has a column {name!r}, and no --param sets it{hint}",
                            param_hint=option,
                        )


class TemplateLookup:
    """A look-up made of texts in which `{name}` stands for a parameter of the call.

    Args:
        action_id: The action.
        params: Its parameters.
        matches: Each `PATH=VALUE`; a record matches if it has all the values.

    Raises:
        click.UsageError: If a match is not of that form, or they name different lists.
    """

    def __init__(self, action_id: str, params: Mapping[str, str], matches: Sequence[str]) -> None:
        self._action_id = action_id
        self._params = params
        parsed = [_parse_match(text) for text in matches]
        if len({records for records, _, _ in parsed}) > 1:
            raise click.BadParameter("all must be in the same list", param_hint="--match")
        self._records: tuple[str, ...] = parsed[0][0]
        self._conditions = [(field, value) for _, field, value in parsed]

    def __call__(self, call: Call) -> Lookup:
        """Return the look-up of a call.

        Raises:
            ValueError: If the call does not have a parameter that a string names, or it has nothing to match.
        """
        own = call.params or {}
        params = {name: _fill(text, own) for name, text in self._params.items()}
        wanted = [(field, _wanted(text, own)) for field, text in self._conditions]

        def found(data: Any) -> list[object]:
            records = _member(data, self._records)
            if not isinstance(records, list):
                raise TypeError(f"the answer has no list {'.'.join(self._records)}")
            return [
                record
                for record in records
                if all(as_text(_member(record, field)) == value for field, value in wanted)
            ]

        return Lookup(self._action_id, params, found=found, effect="read")


def as_text(value: object) -> str:
    """Return a JSON value as it is written in an option."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


_NAME: Final = re.compile(r"\{([^{}]+)\}")
_Match = tuple[tuple[str, ...], tuple[str, ...], str]


def _parse_match(text: str) -> _Match:
    path, equals, value = text.partition("=")
    records, brackets, field = path.partition("[]")
    names = tuple(name for name in records.split(".") if name)
    fields = tuple(field.removeprefix(".").split("."))
    if not (equals and brackets and all(fields)):
        raise click.BadParameter(
            f"{text!r} is not LIST[].FIELD=VALUE, e.g. results[].properties.email={{email}}",
            param_hint="--match",
        )
    return names, fields, value


def _fill(text: str, params: Mapping[str, object]) -> object:
    """Return a string with the call's parameters; a string that is one `{name}` is that parameter itself."""
    if whole := _NAME.fullmatch(text):
        return _param(whole[1], params)
    return _NAME.sub(lambda name: as_text(_param(name[1], params)), text)


def _wanted(text: str, params: Mapping[str, object]) -> str:
    """Return what a field of a matching record has."""
    value = _fill(text, params)
    if _NAME.search(text) and value in (None, "", "null"):
        # It would match any record without that field, and such a one would pass for what the call wrote.
        raise ValueError(f"the call's {text} is empty, which tells no record from others")
    return as_text(value)


def _param(name: str, params: Mapping[str, object]) -> object:
    if name not in params:
        raise ValueError(f"the call has no parameter {name!r}")
    return params[name]


def _member(data: Any, path: tuple[str, ...]) -> object:
    for name in path:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def _seconds(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is not a list of seconds, e.g. 30,120", param_hint="--after"
        ) from error
