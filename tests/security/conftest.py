"""Each promise holds on both roads that calls travel."""

import pytest


@pytest.fixture(params=["direct", "public"])
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("REFOLD_TRANSPORT", name)
    return name
