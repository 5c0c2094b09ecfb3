"""Real answers, saved once and replayed from then on, for any client: a server on this machine gives them.

```python
with recording("answers.json") as recorded:  # asks REFOLD_BASE_URL with REFOLD_API_KEY
    asyncio.run(main(Refold(recorded.api_key, base_url=recorded.base_url)))

with replaying("answers.json") as recorded:  # asks nobody
    asyncio.run(main(Refold(recorded.api_key, base_url=recorded.base_url)))
```
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Unpack

from anyio.from_thread import start_blocking_portal

from refold_async.client import Refold
from refold_async.settings import Options, resolve_api_key, resolve_base_url
from refold_async.testing.exchanges import Exchange, Scrubber, load, save
from refold_async.testing.servers import ExchangeServer, RecordingProxy, ReplayServer, listening

REPLAYED_KEY: Final = "tk_replayed"
"""The API key of a replay; any other serves as well."""


class Recording(NamedTuple):
    """A server that answers as the service did.

    Attributes:
        base_url: Where it listens.
        api_key: The key to call it with.
        recorded: Whether it asks the real service, and saves what that answers.
    """

    base_url: str
    api_key: str
    recorded: bool

    def client(self, **options: Unpack[Options]) -> Refold:
        """Make a client of it, which is yours to close.

        Raises:
            SettingsError: A setting cannot work.
        """
        settings: Options = {**options, "base_url": self.base_url}
        return Refold(self.api_key, **settings)


@contextlib.contextmanager
def recording(
    path: Path | str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    secrets: Sequence[str] = (),
    renamed: Mapping[str, str] | None = None,
) -> Iterator[Recording]:
    """Ask the real service, and save the answers at the end of the block.

    Neither the key, nor a token, nor what stands under a telling name (`access_token`,
    `password`, …) is saved. Personal data is: say with `renamed` what to put in its place.

    Args:
        path: The file; one that is there is replaced.
        base_url: The service; default: `REFOLD_BASE_URL`, else the hosted one.
        api_key: The organisation's key; default: `REFOLD_API_KEY`.
        secrets: More texts to cut out.
        renamed: Texts to put in the place of others.

    Raises:
        SettingsError: There is no key, or the base URL is none.
    """
    key = resolve_api_key() if api_key is None else api_key
    scrubber = Scrubber([key, *secrets], renamed)
    proxy = RecordingProxy(resolve_base_url(base_url), scrubber)
    with _served(proxy) as address:
        yield Recording(address, key, recorded=True)
    save(Path(path), proxy.exchanges)


@contextlib.contextmanager
def replaying(path: Path | str, *, renamed: Mapping[str, str] | None = None) -> Iterator[Recording]:
    """Answer from a file, each request with the answers that it got, in their order.

    Args:
        path: The file that `recording` wrote.
        renamed: As for `recording`.

    Raises:
        FileNotFoundError: There is no such file.
        AssertionError: (at the end) A request came that was not recorded, or more often than it was.
    """
    replay = ReplayServer(load(Path(path)), Scrubber(renamed=renamed))
    with _served(replay) as address:
        yield Recording(address, REPLAYED_KEY, recorded=False)
    if replay.unexpected:
        raise AssertionError(_unexpected_message(replay))


def _unexpected_message(replay: ReplayServer) -> str:
    remaining: list[Exchange] = [
        exchange for exchanges in replay.remaining.values() for exchange in exchanges
    ]
    lines = [
        "These requests are not in the recording:",
        *(f"  {recorded}" for recorded in replay.unexpected),
    ]
    if remaining:
        lines += ["Of the recorded ones, these were not asked for:", *(f"  {e.request}" for e in remaining)]
    return "\n".join([*lines, "Record anew with pytest --refold-record."])


@contextlib.contextmanager
def _served(server: ExchangeServer) -> Iterator[str]:
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(listening(server)) as url,
    ):
        yield url
