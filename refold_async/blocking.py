"""The client for synchronous code: one event loop in a thread of its own, one connection pool."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar, Unpack

from anyio.from_thread import BlockingPortal, start_blocking_portal

from refold_async._core.credentials import KeySource
from refold_async.client import Refold
from refold_async.errors import InvalidCallError, SettingsError
from refold_async.settings import Options

T = TypeVar("T")

_of_parents: Final[list[ExitStack]] = []
"""What a parent process opened: collected in a forked child, it would wait for a thread that is not there."""


class Portal:
    """Runs coroutines of one `Refold` from synchronous code: WSGI, Celery, scripts, notebooks.

    Use it with `with`, or call `open` and `close`. Any number of threads may call it at the same time; their
    calls share the connections and the rate limit. A process that forks must open it after the fork.

    Args:
        make: Makes the client. The portal opens and closes it.
    """

    def __init__(self, make: Callable[[], Refold]) -> None:
        self._make: Final = make
        self._refold = make()
        self._portal: BlockingPortal | None = None
        self._open = ExitStack()
        self._pid = 0
        self._readers: set[_Reader[Any]] = set()

    def __repr__(self) -> str:
        return f"Portal({self._refold!r}, {'closed' if self._portal is None else 'open'})"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Start the event loop's thread. No-op if it is running."""
        if self._portal is not None and self._pid == os.getpid():
            return
        if self._portal is not None:
            _of_parents.append(self._open)
        if self._pid:  # the sessions of an earlier opening may belong to the loop of a parent process
            self._refold = self._make()
        with ExitStack() as opening:
            portal = opening.enter_context(start_blocking_portal("asyncio", name="refold-portal"))
            opening.enter_context(portal.wrap_async_context_manager(self._refold))
            self._open = opening.pop_all()
        self._portal, self._pid = portal, os.getpid()

    def close(self) -> None:
        """Close the client's connections and end the thread. Idempotent."""
        opened, self._open, self._portal = self._open, ExitStack(), None
        readers, self._readers = self._readers, set()
        for reader in readers:
            reader.stop()
        if self._pid == os.getpid():
            opened.close()
        else:
            _of_parents.append(opened)

    def call(self, work: Callable[[Refold], Awaitable[T]]) -> T:
        """Run a coroutine to its end, and return its result.

        ```python
        result = portal.call(lambda refold: refold.account("demo-user-1").actions.list("hubspot"))
        ```

        An exception in this thread meanwhile, e.g. `KeyboardInterrupt`, cancels the coroutine.

        Args:
            work: Takes the client and returns what to await.

        Raises:
            SettingsError: If the portal is not open, or was opened before this process was forked.
            InvalidCallError: If what is returned cannot be awaited.
            RefoldError: If the coroutine raises one.
        """

        async def run() -> T | _Exit:
            coroutine = work(self._refold)
            if not isinstance(coroutine, Awaitable):
                raise InvalidCallError(
                    f"call takes a function that returns what to await, not {type(coroutine).__name__}"
                )
            try:
                return await coroutine
            except (Exception, asyncio.CancelledError):
                raise
            except BaseException as error:  # noqa: BLE001 - raised here, it would end the portal for all its threads
                return _Exit(error)

        future = self._running().start_task_soon(run)
        try:
            result = future.result()
        finally:
            future.cancel()  # does nothing unless this thread was interrupted while it waited
        if isinstance(result, _Exit):
            raise result.error
        return result

    def iterate(self, work: Callable[[Refold], AsyncIterable[T]]) -> Iterator[T]:
        """Iterate over something asynchronous, e.g. a list of the API, one item at a time.

        ```python
        for account in portal.iterate(lambda refold: refold.linked_accounts.list()):
            ...
        ```

        Args:
            work: Takes the client and returns what to iterate over.

        Raises:
            SettingsError: As `call`.
            InvalidCallError: If what is returned cannot be iterated over with `async for`.
            RefoldError: If the iteration raises one.
        """
        reader: _Reader[T] = _Reader(self._running())
        self._readers.add(reader)
        try:
            reader.start(lambda: work(self._refold))
            while True:
                self._running()
                item = reader.next()
                if isinstance(item, _End):
                    return
                yield item
        finally:
            self._readers.discard(reader)
            reader.close()

    def _running(self) -> BlockingPortal:
        if self._portal is None:
            raise SettingsError("the portal is not open: use `with portal(...) as portal`, or call open()")
        if self._pid != os.getpid():
            raise SettingsError("the portal was opened before this process forked: open it after the fork")
        return self._portal


class _Exit(NamedTuple):
    """What a coroutine raised to end its program, e.g. `SystemExit`."""

    error: BaseException


class _End:
    """The type of what `anext` returns at the end."""


_END: Final = _End()


class _Reader(Generic[T]):
    """Reads something asynchronous in one task of a portal, one item each time it is asked.

    Not in a task for each item: a time-out, a task group or a cancel scope that an async generator holds open
    while it yields must be left in the task that entered it.

    Args:
        portal: Where to run the task.
    """

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal: Final = portal
        self._pid: Final = os.getpid()
        self._wanted: Final[asyncio.Queue[Future[T | _End] | None]] = asyncio.Queue()
        self._done: Future[None] = Future()
        # Not `_done`: if that was cancelled, older anyio wakes nobody who waits for it.
        self._ended: Final = threading.Event()

    def start(self, make: Callable[[], AsyncIterable[T]]) -> None:
        """Start the task."""
        self._done = self._portal.start_task_soon(self._run, make)

    def next(self) -> T | _End:
        """Wait for the next item. An exception in this thread meanwhile cancels the task."""
        item: Future[T | _End] = Future()
        self._portal.start_task_soon(self._wanted.put_nowait, item)
        try:
            return item.result()
        except BaseException:
            self._done.cancel()
            raise

    def stop(self) -> bool:
        """Let the task end what it reads; return whether it can be waited for."""
        if self._pid != os.getpid():
            return False
        try:
            self._portal.start_task_soon(self._wanted.put_nowait, None)
        except RuntimeError:  # the portal was closed, or the garbage collector runs in its thread
            return False
        return True

    def close(self) -> None:
        """Let the task end what it reads, and wait for that; an error of its end is raised."""
        if not self.stop():
            return
        self._ended.wait()
        with suppress(CancelledError):
            self._done.result()

    async def _run(self, make: Callable[[], AsyncIterable[T]]) -> None:
        try:
            await self._read(make)
        finally:
            self._ended.set()

    async def _read(self, make: Callable[[], AsyncIterable[T]]) -> None:
        wanted = await self._wanted.get()
        try:
            items = _aiter(make())
            try:
                while wanted is not None:
                    wanted.set_result(await anext(items, _END))
                    wanted = await self._wanted.get()
            finally:
                if (aclose := getattr(items, "aclose", None)) is not None:
                    await aclose()
        except BaseException as error:
            waits = wanted is not None and not wanted.done()
            if wanted is not None and waits:
                wanted.set_exception(error)
            # Any other BaseException, e.g. SystemExit, would end the portal for all its threads.
            if isinstance(error, asyncio.CancelledError) or (isinstance(error, Exception) and not waits):
                raise


def _aiter(iterable: Any) -> AsyncIterator[Any]:
    if not isinstance(iterable, AsyncIterable):
        if isinstance(iterable, Coroutine):
            iterable.close()  # or Python warns that it was never awaited
        raise InvalidCallError(
            f"iterate takes a function that returns what to iterate over, not {type(iterable).__name__}; "
            "for a single result use call"
        )
    return aiter(iterable)


def portal(api_key: str | KeySource | None = None, **options: Unpack[Options]) -> Portal:
    """Return a portal to a new `Refold`, for synchronous code.

    ```python
    with refold_async.portal() as portal:
        result = portal.call(lambda refold: refold.account("demo-user-1").actions.list("hubspot"))
    ```

    Args:
        api_key: As for `Refold`.
        options: As for `Refold`.

    Raises:
        SettingsError: If there is no API key, or a setting cannot work.
    """
    return Portal(lambda: Refold(api_key, **options))
