import pytest

from .counting import pytest_terminal_summary
from .roads import road

__all__ = ["anyio_backend", "pytest_terminal_summary", "road"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
