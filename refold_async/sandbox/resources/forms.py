"""Forms: the multipart bodies that events may come in."""

from collections.abc import Mapping
from email.message import Message
from email.parser import BytesParser

import msgspec

from refold_async.sandbox.call import Call
from refold_async.sandbox.resources.documents import Document
from refold_async.sandbox.resources.refusals import refused


def form_of(call: Call) -> Document:
    """The fields of a multipart body as an object; files go into ``payload`` under their fields' names."""
    head = f"Content-Type: {call.header('Content-Type')}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + call.body)
    if not message.is_multipart():
        raise refused(400, "Request body is not a valid form", "VALIDATION_ERROR")
    fields: Document = {}
    files: Document = {}
    for part in message.get_payload():
        if isinstance(part, Message):
            (fields if part.get_filename() is None else files)[_name(part)] = _value(part)
    payload = _json(fields.get("payload"))
    return {**fields, "payload": {**payload, **files} if isinstance(payload, Mapping) else payload}


def _name(part: Message) -> str:
    return str(part.get_param("name", "", "content-disposition"))


def _value(part: Message) -> object:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    if part.get_filename() is None:
        return raw.decode("utf-8", "replace")
    return {"filename": part.get_filename(), "content_type": part.get_content_type(), "size": len(raw)}


def _json(text: object) -> object:
    if not isinstance(text, str) or not text:
        return {}
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise refused(400, "payload is not JSON", "VALIDATION_ERROR") from None
