"""The two roads of the transport, and a fixture that sends new clients down one after the other."""

from typing import Literal

import pytest

from refold_async.transport import ROAD_VARIABLE

Road = Literal["direct", "public"]
ROADS: tuple[Road, ...] = ("direct", "public")


@pytest.fixture(params=ROADS)
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Road:
    """The road that new clients take."""
    chosen: Road = request.param
    monkeypatch.setenv(ROAD_VARIABLE, chosen)
    return chosen
