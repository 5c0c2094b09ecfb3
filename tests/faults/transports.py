"""The two transports, and a fixture that has new clients use one after the other."""

from typing import Literal

import pytest

from refold_async._core.transport import TRANSPORT_VARIABLE

TransportName = Literal["direct", "public"]
TRANSPORTS: tuple[TransportName, ...] = ("direct", "public")


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> TransportName:
    """The transport that new clients take."""
    chosen: TransportName = request.param
    monkeypatch.setenv(TRANSPORT_VARIABLE, chosen)
    return chosen
