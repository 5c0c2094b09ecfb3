"""The two transports, and a fixture that runs a test on each."""

from typing import Literal

import pytest

from refold_async._core.transport import TRANSPORT_VARIABLE

TransportName = Literal["direct", "public"]
TRANSPORTS: tuple[TransportName, ...] = ("direct", "public")


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> TransportName:
    """Select the transport of new clients."""
    chosen: TransportName = request.param
    monkeypatch.setenv(TRANSPORT_VARIABLE, chosen)
    return chosen
