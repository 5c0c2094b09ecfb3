"""Runs each test on both transports."""

import pytest


@pytest.fixture(params=["fast", "public"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("REFOLD_TRANSPORT", name)
    return name
