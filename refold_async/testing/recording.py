"""Real responses, saved once and then replayed by a local server, for any client.

```python
with recording("answers.json") as recorded:  # calls REFOLD_BASE_URL with REFOLD_API_KEY
    asyncio.run(main(Refold(recorded.api_key, base_url=recorded.base_url)))

with replaying("answers.json") as recorded:  # calls nothing
    asyncio.run(main(Refold(recorded.api_key, base_url=recorded.base_url)))
```
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Unpack

from anyio.from_thread import start_blocking_portal

from refold_async._core.credentials import hide
from refold_async.client import Refold
from refold_async.settings import Options, resolve_api_key, resolve_base_url
from refold_async.testing.exchanges import Exchange, Scrubber, load, save
from refold_async.testing.servers import ExchangeServer, RecordingProxy, ReplayServer, listening

REPLAYED_KEY: Final = "tk_replayed"
"""The API key of a replay; any key is accepted."""


class Recording(NamedTuple):
    """A local server that responds as the service did.

    Attributes:
        base_url: The server's base URL.
        api_key: The key to call it with.
        recorded: Whether it forwards requests to the real service and saves the responses.
    """

    base_url: str
    api_key: str
    recorded: bool

    def client(self, **options: Unpack[Options]) -> Refold:
        """Return a client connected to it. The caller closes it.

        Raises:
            SettingsError: If a setting is invalid.
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
    """Forward requests to the real service, and save the responses when the block ends.

    Keys, tokens and values with a telling name (`access_token`, `password`, …) are not saved. Personal
    data is, unless you replace it with `renamed`.

    Args:
        path: The file, replaced if it exists.
        base_url: The service; default: `REFOLD_BASE_URL`, else the hosted service.
        api_key: The organisation's key; default: `REFOLD_API_KEY`.
        secrets: Further strings to remove.
        renamed: Replacements for strings.

    Raises:
        SettingsError: If there is no key or the base URL is invalid.
    """
    secrets = [hide(secret) for secret in secrets]
    key = api_key = hide(resolve_api_key() if api_key is None else api_key)
    scrubber = Scrubber([key, *secrets], renamed)
    proxy = RecordingProxy(resolve_base_url(base_url), scrubber)
    with _served(proxy) as address:
        yield Recording(address, key, recorded=True)
    save(Path(path), proxy.exchanges)


@contextlib.contextmanager
def replaying(path: Path | str, *, renamed: Mapping[str, str] | None = None) -> Iterator[Recording]:
    """Replay a file: respond to each request with its recorded responses, in order.

    Args:
        path: The file that `recording` wrote.
        renamed: As for `recording`.

    Raises:
        FileNotFoundError: If the file does not exist.
        AssertionError: (when the block ends) If a request was not recorded, or not as often as it came.
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
        lines += ["These recorded requests were not made:", *(f"  {e.request}" for e in remaining)]
    return "\n".join([*lines, "Record again with pytest --refold-record."])


@contextlib.contextmanager
def _served(server: ExchangeServer) -> Iterator[str]:
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(listening(server)) as url,
    ):
        yield url
