"""`refold demo`, a batch on a local sandbox checked against its ledger, and `refold sandbox`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

import click

from refold_async.batch import BatchSummary, Call, Done
from refold_async.cli.exits import Exit, exit_code_of
from refold_async.cli.progress import ProgressDisplay
from refold_async.cli.terminal import Terminal
from refold_async.client import Account, Refold
from refold_async.errors import RefoldError
from refold_async.sandbox import Fault, Ledger, Sandbox
from refold_async.sandbox.__main__ import main

_SLUG: Final = "hubspot"
_READ: Final = "get_contact"
_WRITE: Final = "create_contact"
_GONE: Final = 3
_FAULTS: Final = (
    Fault(action_id=_READ, latency=(0.05, 0.35)),
    Fault(action_id=_READ, status=503, probability=0.03),
)


class Claim(NamedTuple):
    """A number that the client reported, next to the ledger's."""

    what: str
    reported: int
    ran: int


@click.command("demo")
@click.option(
    "--accounts", default=400, show_default=True, type=click.IntRange(min=10), help="Linked accounts."
)
@click.option("--concurrency", default=40, show_default=True, help="Concurrent calls.")
def demo(accounts: int, concurrency: int) -> None:
    """Run a demo on a local sandbox; needs no key.

    Lists HubSpot's actions, fetches a schema, executes a read and a write, then reads the contacts of
    several hundred customers concurrently. Three of them must reconnect, and 3% of the responses are a
    503. Finally, the reported results are compared with the sandbox's ledger.
    """
    terminal = Terminal()
    try:
        claims = asyncio.run(_demo(terminal, accounts, concurrency))
    except RefoldError as error:
        terminal.fail(error)
        raise click.exceptions.Exit(exit_code_of(error)) from None
    if any(claim.reported != claim.ran for claim in claims):
        raise click.exceptions.Exit(Exit.REFUSED)


async def _demo(terminal: Terminal, accounts: int, concurrency: int) -> Sequence[Claim]:
    async with Sandbox(accounts=accounts, faults=_FAULTS) as sandbox:
        terminal.say(f"a sandbox with {accounts} linked accounts on {sandbox.base_url}\n")
        async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
            await _one_customer(terminal, refold.account(sandbox.account_ids[0]))
            seen = len(sandbox.ledger.runs)
            for account_id in sandbox.account_ids[-_GONE:]:
                sandbox.expire(account_id, _SLUG)
            done, summary = await _all_customers(terminal, refold, sandbox.account_ids, concurrency)
        claims = check(sandbox.ledger, seen, done, accounts)
        _report(terminal, summary, claims)
        return claims


async def _one_customer(terminal: Terminal, account: Account) -> None:
    terminal.say(f"for account {account.linked_account_id}:\n")
    actions = await account.actions.list(_SLUG)
    rows = [(each.action_id, each.effect, each.description) for each in actions[:5]]
    terminal.table(
        ("action_id", "effect", "description"), rows, title=f"5 of {len(actions)} actions of {_SLUG}"
    )
    schema = await account.actions.schema(_SLUG, _WRITE)
    fields = [(each.name, each.type, "required" if each.required else "") for each in schema]
    terminal.table(("name", "type", ""), fields, title=f"parameters of {_WRITE}")
    read = await account.actions.execute(_SLUG, _READ, {"limit": "2"})
    names = [each["properties"]["firstname"] for each in read.data["results"]]
    terminal.say(f"{_READ}: {read.node_status}, {' and '.join(names)}")
    written = await account.actions.execute(_SLUG, _WRITE, {"email": "ada@example.com", "firstname": "Ada"})
    terminal.say(f"{_WRITE}: {written.node_status}, id {written.data['id']}\n")


async def _all_customers(
    terminal: Terminal, refold: Refold, account_ids: Sequence[str], concurrency: int
) -> tuple[set[str], BatchSummary]:
    terminal.say(f"{_READ} for {len(account_ids)} accounts, {concurrency} at once:")
    calls = [Call(each, _SLUG, _READ, {"limit": "1"}) for each in account_ids]
    done = set()
    with ProgressDisplay() as display:
        async with refold.batch(calls, concurrency=concurrency, on_progress=display) as outcomes:
            async for outcome in outcomes:
                if isinstance(outcome, Done):
                    done.add(outcome.call.linked_account_id)
    return done, outcomes.summary


def check(ledger: Ledger, seen: int, done: set[str], accounts: int) -> Sequence[Claim]:
    """Compare what was reported with what was executed.

    Args:
        ledger: What was executed.
        seen: The number of runs in it before the batch.
        done: The accounts for which the batch reported success.
        accounts: The number of accounts in the batch.
    """
    read = {run.linked_account_id for run in ledger.runs[seen:] if run.action_id == _READ and run.ok}
    return (
        Claim("contacts created", 1, len(ledger.writes())),
        Claim("accounts read", len(done), len(done & read)),
        Claim("accounts failed and not read", accounts - len(done), accounts - len(done | read)),
        Claim("writes executed twice", 0, len(ledger.duplicates())),
    )


def _report(terminal: Terminal, summary: BatchSummary, claims: Sequence[Claim]) -> None:
    rows = [
        ("done", summary.done),
        ("failed", summary.failed),
        ("to reconnect", ", ".join(each.linked_account_id for each in summary.reconnect)),
        ("attempts", f"{summary.attempts} for {summary.ended} calls"),
        ("time", f"{summary.seconds:.1f} s, {summary.throughput:.0f} calls/s"),
    ]
    if summary.p50 is not None and summary.p99 is not None:
        rows.append(
            (
                "latency",
                f"p50 {summary.p50 * 1000:.0f} ms, p99 {summary.p99 * 1000:.0f} ms",
            )
        )
    terminal.table(("fan-out", ""), rows)
    terminal.table(
        ("ledger", "reported", "executed", ""),
        [(*claim, "matches" if claim.reported == claim.ran else "DIFFERS") for claim in claims],
    )


@click.command("sandbox", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def sandbox(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Run a local Refold sandbox to test against."""
    ctx.exit(main(arguments, prog="refold sandbox"))
