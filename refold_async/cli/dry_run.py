"""A batch's dry run: check every call's parameters against its account's own schema, execute nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

import click
import msgspec

from refold_async.api.action_schema import ActionSchema
from refold_async.batch import Call
from refold_async.calls import written_params
from refold_async.cli.exits import Exit, exit_code_of, worst_exit
from refold_async.cli.progress import ProgressDisplay, ProgressForm
from refold_async.cli.terminal import Terminal
from refold_async.client import Refold
from refold_async.errors import AuthenticationError, RefoldError

_SHOWN: Final = 20
_FIRST: Final = 5
_CONCURRENCY: Final = 20


class ParameterProblem(msgspec.Struct, frozen=True):
    """A problem with one parameter of one call, or with the schema that it is checked against."""

    index: int
    linked_account_id: str
    parameter: str
    problem: str


Schemas = Mapping[str, ActionSchema | RefoldError]
"""Each account's schema, or the error that fetching it ended with."""


class _SchemaFetcher:
    """Fetches the schema of an action for many accounts, some at a time: custom fields differ by account."""

    def __init__(self, refold: Refold, slug: str, action: str, ended: Callable[[int, int], object]) -> None:
        self._refold = refold
        self._ended = ended
        self._failed = 0
        self._slug = slug
        self._action = action
        self._distinct: dict[ActionSchema, ActionSchema] = {}
        self.found: dict[str, ActionSchema | RefoldError] = {}
        self.refused: AuthenticationError | None = None

    async def fetch(self, account_ids: Iterator[str]) -> None:
        """Fetch the schemas of the remaining accounts; several may run on one iterator.

        It ends early if the key is refused, as it would be for every account.
        """
        for account_id in account_ids:
            if self.refused is not None:
                return
            try:
                schema = await self._refold.account(account_id).actions.schema(self._slug, self._action)
            except AuthenticationError as error:
                self.refused = error
                return
            except RefoldError as error:
                self.found[account_id] = error
                self._failed += 1
            else:
                # Most accounts have the same: one copy of each keeps memory flat.
                self.found[account_id] = self._distinct.setdefault(schema, schema)
            self._ended(len(self.found) - self._failed, self._failed)


async def fetch_schemas(
    refold: Refold, slug: str, action: str, account_ids: Iterable[str], ended: Callable[[int, int], object]
) -> Schemas:
    """Fetch each account's schema of an action.

    Args:
        refold: The client.
        slug: The app.
        action: The action.
        account_ids: The accounts.
        ended: Called after each, with how many were fetched and how many failed.

    Raises:
        RefoldError: If the key was refused, or no schema could be fetched.
    """
    fetcher, remaining = _SchemaFetcher(refold, slug, action, ended), iter(account_ids)
    await fetcher.fetch(islice(remaining, 1))  # alone: what is wrong for all is found with one request
    async with asyncio.TaskGroup() as tasks:
        for _ in range(_CONCURRENCY):
            tasks.create_task(fetcher.fetch(remaining))
    if fetcher.refused is not None:
        raise fetcher.refused
    errors = [each for each in fetcher.found.values() if isinstance(each, RefoldError)]
    if errors and len(errors) == len(fetcher.found):
        raise errors[0]
    return fetcher.found


def problems_of(schemas: Schemas, calls: Iterable[Call]) -> Iterator[ParameterProblem]:
    """Yield every problem with the calls' parameters, and each account's schema that is missing once."""
    reported: set[str] = set()
    for index, call in enumerate(calls):
        account, schema = call.linked_account_id, schemas[call.linked_account_id]
        if isinstance(schema, ActionSchema):
            for problem in schema.check(call.params):
                yield ParameterProblem(index, account, problem.parameter, problem.message)
        elif account not in reported:
            reported.add(account)
            yield ParameterProblem(index, account, "", f"the schema could not be fetched: {schema.message}")


async def run(
    terminal: Terminal, refold: Refold, slug: str, action: str, calls: Iterable[Call], *, form: ProgressForm
) -> Exit:
    """Check all calls, print the report, and return the exit code.

    Raises:
        RefoldError: If no schema could be fetched.
    """
    count, accounts = 0, dict[str, None]()
    for count, call in enumerate(calls, 1):  # noqa: B007 - the last count is the number
        accounts[call.linked_account_id] = None
    if accounts:
        requests = "1 request" if len(accounts) == 1 else f"{len(accounts):,} requests"
        click.echo(f"dry run: {requests}, for the schema of each linked account", err=True)
    with ProgressDisplay(form=form) as display:
        schemas = await fetch_schemas(
            refold, slug, action, accounts, lambda done, failed: display.count(done, failed, len(accounts))
        )
    problems = list(problems_of(schemas, calls))
    report(terminal, calls, count, problems)
    codes = {exit_code_of(each) for each in schemas.values() if isinstance(each, RefoldError)}
    return worst_exit(codes | ({Exit.USAGE} if problems else set()))


def report(terminal: Terminal, calls: Iterable[Call], count: int, problems: list[ParameterProblem]) -> None:
    """Print the calls that would run and their problems."""
    first = list(islice(calls, _FIRST))
    if terminal.as_json:
        calls_shown = [{**msgspec.structs.asdict(each), "params": written_params(each)} for each in first]
        terminal.put({"calls": count, "first": calls_shown, "problems": problems})
        return
    rows = [(each.linked_account_id, msgspec.json.encode(each.params).decode()) for each in first]
    terminal.table(
        ("linked_account_id", "params"), rows, title=f"{len(rows)} of {count:,} calls that would run"
    )
    if not problems:
        terminal.say("all parameters match the action's schema")
        return
    wrong = [(each.index, each.linked_account_id, each.problem) for each in problems[:_SHOWN]]
    title = f"{len(wrong)} of {len(problems):,} problems"
    terminal.table(("call", "linked_account_id", "problem"), wrong, title=title)
