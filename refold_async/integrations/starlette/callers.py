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
        self._changed = asyncio.Condition()
        self.answered = False

    async def gone(self) -> None:
        """Wait until the caller has gone, or its answer is complete."""
        while True:
            message = await self._receive()
            async with self._changed:
                self._gone = message["type"] == _GONE
                self._messages.append(message)
                self._changed.notify_all()
                if self._gone:
                    return
                await self._changed.wait_for(lambda: len(self._messages) < _MOST)

    async def receive(self) -> Message:
        """Give the handler the next message; once the caller has gone, that again and again."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._messages)
            if len(self._messages) == 1 and self._gone:
                return self._messages[0]
            message = self._messages.popleft()
            self._changed.notify_all()
            return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.answered = True
