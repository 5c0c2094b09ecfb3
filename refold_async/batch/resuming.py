from __future__ import annotations
from typing import Any, Self


class Resuming:
    error: Any = None

    @classmethod
    async def open(cls, journal: Any, base_url: str) -> Self:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)
