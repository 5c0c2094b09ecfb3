"""Files along with an event: streamed, left as they were, and sent again only where they can be read again."""

import io
import os
import tracemalloc
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from aiohttp import web

from refold_async import (
    ConnectionFailedError,
    File,
    InvalidCallError,
    KeyAccount,
    RateLimitedError,
    Refold,
    Retry,
    ServerError,
)

from .recorder import Recorder

CONTENT = b"%PDF" + bytes(range(256)) * 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / 'an "odd" ä.pdf'
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def pipe() -> Iterator[BinaryIO]:
    """A file object that can be read only once."""
    reader, writer = os.pipe()
    os.write(writer, b"once")
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        yield file


async def test_a_path_is_sent_under_its_name(account: KeyAccount, recorder: Recorder, path: Path) -> None:
    answer = await account.events.trigger("paid", {"sum": 1}, files={"bill": path}, config_id="c-1")
    assert answer.message
    form = recorder.last.form
    assert (form["event"][2], form["payload"][2]) == (b"paid", b'{"sum":1}')
    assert form["bill"] == (path.name, "application/pdf", CONTENT)
    assert recorder.last.path == "/api/v2/public/event/trigger"
    assert recorder.last.headers["config_id"] == "c-1"
    assert recorder.last.headers["linked_account_id"] == "customer-1"
    assert recorder.last.headers["x-api-key"] == "tk_test"


async def test_file_objects_and_bytes_are_sent_too(
    account: KeyAccount, recorder: Recorder, path: Path
) -> None:
    with path.open("rb") as file:
        file.seek(4)
        await account.events.trigger(
            "paid",
            slug="hubspot",
            files={"bill": file, "raw": b"xyz", "named": File(io.BytesIO(b"{}"), "a.bin", "text/x-own")},
        )
        assert not file.closed
    assert recorder.last.path == "/api/v2/public/event/hubspot"
    assert recorder.last.form == {
        "event": (None, "text/plain; charset=utf-8", b"paid"),
        "bill": (path.name, "application/pdf", CONTENT[4:]),
        "raw": ("raw", "application/octet-stream", b"xyz"),
        "named": ("a.bin", "text/x-own", b"{}"),
    }


async def test_no_file_is_read_into_memory_whole(
    account: KeyAccount, recorder: Recorder, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(24 * 1024 * 1024)
    recorder.takes = "size"
    await account.events.trigger("paid", files={"warm": b"up"})
    tracemalloc.start()
    try:
        await account.events.trigger("paid", files={"large": large})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert recorder.sizes[-1] > 24 * 1024 * 1024
    assert peak < 8 * 1024 * 1024


def _first(status: int, recorder: Recorder) -> None:
    left = [status]
    recorder.answer = lambda _: web.json_response({}, status=left.pop()) if left else None


@pytest.mark.parametrize("source", ["path", "file", "bytes"])
async def test_rereadable_uploads_are_sent_again(
    account: KeyAccount, recorder: Recorder, path: Path, source: str
) -> None:
    _first(429, recorder)
    with path.open("rb") as file:
        files: dict[str, Any] = {"path": path, "file": file, "bytes": CONTENT}
        await account.events.trigger("paid", files={"bill": files[source]})
    assert [each.form["bill"][2] for each in recorder.arrived] == [CONTENT] * 2


async def test_uploads_readable_once_are_sent_once(
    account: KeyAccount, recorder: Recorder, pipe: BinaryIO
) -> None:
    _first(429, recorder)
    with pytest.raises(RateLimitedError) as caught:
        await account.events.trigger("paid", files={"bill": pipe}, effect="idempotent")
    assert "read only once" in caught.value.__notes__[0]
    assert [each.form["bill"][2] for each in recorder.arrived] == [b"once"]


async def test_unsent_calls_are_retried_all_the_same(
    recorder: Recorder, pipe: BinaryIO, unused_port: int
) -> None:
    async with Refold("tk", base_url=f"http://127.0.0.1:{unused_port}", retry=Retry(base=0.001)) as refold:
        with pytest.raises(ConnectionFailedError) as caught:
            await refold.account("a").events.trigger("paid", files={"bill": pipe})
    assert (caught.value.attempts, caught.value.fate) == (4, "not_sent")
    assert pipe.read() == b"once"


async def test_firing_with_files_is_a_write(account: KeyAccount, recorder: Recorder, path: Path) -> None:
    _first(503, recorder)
    with pytest.raises(ServerError) as caught:
        await account.events.trigger("paid", files={"bill": path})
    assert (caught.value.attempts, caught.value.fate) == (1, "unknown")


async def test_a_value_that_is_not_a_file_is_refused_before_sending(
    account: KeyAccount, recorder: Recorder, path: Path
) -> None:
    with path.open(encoding="latin-1") as text:
        for odd, word in ((text, "in text mode"), (5, "int"), ("name.pdf", "str")):
            with pytest.raises(InvalidCallError, match=word):
                await account.events.trigger("paid", files={"bill": odd})  # type: ignore[dict-item]
    assert recorder.arrived == []


@pytest.mark.parametrize(("name", "reason"), [("gone.pdf", "no such file"), (".", "is a directory")])
async def test_an_unreadable_file_is_not_reported_as_a_lost_connection(
    account: KeyAccount, recorder: Recorder, tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(InvalidCallError, match=f"'bill' cannot be read: {reason}") as caught:
        await account.events.trigger("paid", files={"bill": tmp_path / name})
    assert (caught.value.attempts, caught.value.fate) == (1, "not_sent")
    assert recorder.arrived == []


async def test_calls_with_and_without_files_follow_each_other(
    account: KeyAccount, recorder: Recorder, path: Path
) -> None:
    for _ in range(3):
        await account.events.trigger("paid", files={"bill": path})
        await account.events.trigger("paid", {"sum": 1})
    assert [bool(each.form) for each in recorder.arrived] == [True, False] * 3


async def test_what_cannot_be_sent_is_refused_before_sending(
    account: KeyAccount, recorder: Recorder, path: Path
) -> None:
    with path.open("rb") as closed:
        pass
    for name, file, words in (
        ("cv", closed, "the file for 'cv' cannot be read: it is closed"),
        (
            "cv",
            File(b"", filename="a\nb"),
            r"the file name of 'cv' must not contain control characters: 'a\nb'",
        ),
        (
            "cv",
            File(b"", content_type="a/b\r\nc: d"),
            "the content type of 'cv' must not contain control characters",
        ),
        ("c\nv", b"", "a file's name in the form must not contain control characters"),
    ):
        with pytest.raises(InvalidCallError) as caught:
            await account.events.trigger("paid", {}, files={name: file})
        assert caught.value.message.startswith(words)
        assert caught.value.operation == "events.trigger"
    assert not recorder.arrived


async def test_enum_members_stand_for_their_values(account: KeyAccount, recorder: Recorder) -> None:
    class Name(str, Enum):  # noqa: UP042 - unlike a StrEnum, its `str` is its name
        PART = "bill"
        FILE = "bill.pdf"
        KIND = "application/pdf"

    file = File(io.BytesIO(b"%PDF"), filename=Name.FILE, content_type=Name.KIND)
    await account.events.trigger("paid", {}, files={Name.PART: file})
    assert recorder.last.form["bill"] == ("bill.pdf", "application/pdf", b"%PDF")


class Broken(io.RawIOBase):
    """A file whose disk fails after the first chunk."""

    def __init__(self, second: Any) -> None:
        self.chunks = iter((b"first", second))

    def read(self, size: int = -1) -> Any:
        if size == 0:
            return b""
        chunk = next(self.chunks)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (OSError(5, "Input/output error"), "input/output error"),
        (ValueError("tk_test"), "ValueError"),
        (None, "it has nothing to read yet; open it in blocking mode"),
        ("text", "it returned str, not bytes"),
    ],
)
async def test_a_file_that_fails_while_it_is_sent_is_not_a_lost_connection(
    account: KeyAccount, recorder: Recorder, second: object, reason: str
) -> None:
    files: Any = {"bill": Broken(second)}
    with pytest.raises(ConnectionFailedError) as caught:
        await account.events.trigger("paid", files=files, effect="idempotent")
    error = caught.value
    assert error.message == f"the file for 'bill' could not be read while it was sent: {reason}"
    assert (error.fate, error.attempts, error.transient) == ("unknown", 1, False)


@pytest.mark.parametrize("name", ["event", "payload"])
async def test_a_file_does_not_take_the_place_of_a_field(
    account: KeyAccount, recorder: Recorder, name: str
) -> None:
    with pytest.raises(InvalidCallError, match=f"a file must not be named {name!r}"):
        await account.events.trigger("paid", {"sum": 1}, files={name: b"x"})
    assert recorder.arrived == []
