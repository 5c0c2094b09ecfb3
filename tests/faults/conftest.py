import pytest

from .counting import pytest_terminal_summary

__all__ = ["anyio_backend", "pytest_terminal_summary"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
