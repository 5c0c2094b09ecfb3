"""Each promise holds on both transports that calls travel."""

import pytest


@pytest.fixture(params=["direct", "public"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("REFOLD_TRANSPORT", name)
    return name
