"""Walks on the connections of a client."""

from __future__ import annotations

from collections.abc import AsyncIterable, Collection

from refold_async._core.requester import Requester
from refold_async.api.actions import Actions
from refold_async.batch import Batch, BatchSettings
from refold_async.batch.runner import ExecuteRunner
from refold_async.calls import Call
from refold_async.hooks import listening
from refold_async.settings import Settings
from refold_async.walks.fan_out import WalkClient, Walks
from refold_async.walks.outcomes import WalkOptions, WalkSettings, WalkSource, check_options
from refold_async.walks.pages import names_of
from refold_async.walks.state import StateThread


def make_walks(
    requester: Requester,
    settings: Settings,
    walks: WalkSource,
    options: WalkOptions,
    *,
    record: bool = True,
    state: StateThread | None = None,
) -> Walks:
    """Return walks on a client's connections; see `Refold.walks`.

    Raises:
        SettingsError: If a setting cannot work.
    """

    async def base_url() -> str:
        return (await requester.session()).base_url

    async def names(account: str, slug: str, action_id: str) -> Collection[str]:
        return names_of(await Actions(requester.for_account(account)).schema(slug, action_id))

    def batch(calls: AsyncIterable[Call], chosen: BatchSettings) -> Batch:
        return Batch(calls, ExecuteRunner(requester, settings, chosen), chosen, listening(settings.hooks))

    check_options(options)
    own = {name: value for name, value in options.items() if name in WalkSettings.__struct_fields__}
    others = {name: value for name, value in options.items() if name not in own}
    return Walks(
        walks,
        WalkClient(base_url, batch, names),
        WalkSettings(**own),  # type: ignore[arg-type]  # split by name
        BatchSettings(**others),  # type: ignore[arg-type]
        record=record,
        state=state,
    )
