"""What a shell completes: accounts, apps and actions, from the service or a cache of its answers."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
import msgspec

from refold_async._core.private_files import open_private
from refold_async.client import Refold
from refold_async.errors import RefoldError
from refold_async.settings import Retry

_LIFETIME: Final = 300.0
_TIMEOUT: Final = 2.0
_MOST: Final = 100


class CompletionNames(msgspec.Struct):
    """The names that one key may use, as far as they were asked for.

    Attributes:
        at: When they were asked for, in seconds since the epoch.
        accounts: The first linked accounts, each with the apps that it has connected.
        actions: The actions of apps.
    """

    at: float
    accounts: dict[str, list[str]]
    actions: dict[str, list[str]] = {}


def complete_accounts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - signature of click
    """Return the linked accounts that begin with a string."""
    return _beginning(incomplete, ctx, lambda known: list(known.accounts))


def complete_slugs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the connected apps that begin with a string."""
    return _beginning(
        incomplete, ctx, lambda known: sorted({app for apps in known.accounts.values() for app in apps})
    )


def complete_actions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the actions of the app named before that begin with a string."""
    slug = ctx.params.get("slug")
    if not isinstance(slug, str):
        return []
    return _beginning(incomplete, ctx, lambda known: known.actions.get(slug, []), slug)


def _beginning(
    incomplete: str,
    ctx: click.Context,
    names: Callable[[CompletionNames], list[str]],
    slug: str | None = None,
) -> list[str]:
    key = os.environ.get("REFOLD_API_KEY")
    if not key:
        return []
    base_url = ctx.params.get("base_url") or os.environ.get("REFOLD_BASE_URL")
    path = _path(base_url, key)
    known = _read(path)
    if known is None or (slug is not None and slug not in known.actions):
        try:
            known = asyncio.run(_ask(base_url, known, slug))
        except (RefoldError, OSError):  # nobody wants an error in the middle of a line
            return []
        with suppress(OSError):  # e.g. a home that cannot be written: they are asked for each time
            _write(path, known)
    return [name for name in names(known) if name.startswith(incomplete)]


def _path(base_url: str | None, key: str) -> Path:
    """Return the cache of a key: named by a digest, so that keys do not mix, and none can be read from it."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "refold"
    except RuntimeError:  # a user without a home, as in a container: nothing can be kept
        folder = Path(os.devnull)
    digest = hashlib.sha256(f"{base_url}\n{key}".encode(errors="surrogateescape")).hexdigest()
    return folder / f"names-{digest[:20]}.json"


def _read(path: Path) -> CompletionNames | None:
    try:
        known = msgspec.json.decode(path.read_bytes(), type=CompletionNames)
    except (OSError, msgspec.DecodeError):
        return None
    return known if 0 <= time.time() - known.at < _LIFETIME else None


def _write(path: Path, known: CompletionNames) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with open_private(part, "wb") as file:
        file.write(msgspec.json.encode(known))
    part.replace(path)


async def _ask(base_url: str | None, known: CompletionNames | None, slug: str | None) -> CompletionNames:
    """Ask for the accounts unless they are known, and for the actions of an app if it is given."""
    async with Refold(base_url=base_url, timeout=_TIMEOUT, retry=Retry(attempts=1)) as refold:
        if known is None:
            found = await refold.linked_accounts.list(limit=_MOST)
            known = CompletionNames(
                time.time(),
                {
                    each.linked_account_id: [app.type for app in each.integrations or () if app.type]
                    for each in found
                    if each.linked_account_id
                },
            )
        account = next((account for account, apps in known.accounts.items() if slug in apps), None)
        if slug is not None and account is not None:
            actions = await refold.account(account).actions.list(slug)
            known.actions[slug] = [each.action_id for each in actions if each.action_id]
        return known
