"""The caller of one request, and whether it is still there."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from starlette.types import Message, Receive, Send

_GONE: Final = "http.disconnect"
_MOST: Final = 2


class Caller:
    """Reads ahead of the handler by at most two messages, so that it hears when the caller goes.

    `receive` and `send` stand in for those that the server gave.

    Attributes:
        answered: Whether the whole answer was sent.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._messages: deque[Message] = deque()
        self._gone = False
        self._failure: Exception | None = None
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self.answered = False

    async def gone(self) -> bool:
        """Wait until the caller has gone, or its answer is complete; false where nothing tells that."""
        while not self._gone:
            try:
                message = await self._receive()
            except Exception as error:  # noqa: BLE001 - it is the handler's to hear, as it receives
                self._failure = error
                self._arrived.set()
                return False
            self._messages.append(message)
            self._gone = message["type"] == _GONE
            self._arrived.set()
            while len(self._messages) >= _MOST and not self._gone:
                self._taken.clear()
                await self._taken.wait()
        return True

    async def receive(self) -> Message:
        """Give the handler the next message; once the caller has gone, that again and again.

        Raises:
            Exception: What the server's own `receive` raised.
        """
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            await self._arrived.wait()
        if self._gone and len(self._messages) == 1:
            return self._messages[0]
        self._taken.set()
        return self._messages.popleft()

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.answered = True
