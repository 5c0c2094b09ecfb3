"""Any body is answered with success or a refusal, never with a server error."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import pytest

from refold_async.sandbox import Sandbox
from refold_async.sandbox.params import TEXTS

from .recording_client import RecordingClient
from .test_reference import SCENARIOS

ODD: tuple[object, ...] = (None, True, 3, "", "http://[", [], [None], [{}], {}, {"properties": 1, "x": [1]})


class OddBodies(RecordingClient):
    """Sends each body many more times, each with an unusual value in one of its fields."""

    async def call(self, method: str, template: str, *path: str, json: object = None, **more: Any) -> Any:
        for name, body in odd_bodies(json):
            await super().call(method, template, *path, json=body, **more)
            if name in TEXTS and not isinstance(body[name], str | None):
                assert self.status >= 400, f"{method} {template} stores {name}: {body[name]!r}"
        return await super().call(method, template, *path, json=json, **more)


def odd_bodies(json: object) -> list[tuple[str, dict[str, object]]]:
    """Return the body once for each of its fields and unusual values, with the field's name."""
    if not isinstance(json, Mapping):
        return []
    return [(name, {**json, name: odd}) for name in json for odd in ODD]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_odd_bodies_never_cause_a_server_error(
    sandbox: Sandbox,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    scenario: Callable[[RecordingClient], Awaitable[None]],
) -> None:
    if scenario is not SCENARIOS[0]:
        await SCENARIOS[0](RecordingClient(sandbox, session))
    await scenario(OddBodies(sandbox, session))
    assert not caplog.records
