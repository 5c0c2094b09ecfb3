"""What the answers of many resources share."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from refold_async._core.pydantic_types import struct_schema

if TYPE_CHECKING:
    Environment = Literal["test", "production"] | str
else:
    Environment = str

Record = dict[str, Any]
"""A record of the caller's own making: its fields are whatever was written."""

Records = list[Record]


class ApiModel(msgspec.Struct, frozen=True):
    """The base of what the API returns. pydantic and FastAPI accept it as a type, e.g. `-> list[Action]`."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Return pydantic's schema; only pydantic calls this."""
        return struct_schema(source, handler)


class Identified(ApiModel, frozen=True, kw_only=True, repr_omit_defaults=True):
    """Anything with an id, which the service writes as `_id` or `id`.

    Attributes:
        id: The id, under either name.
    """

    id: str | None = None
    _id: str | None = None

    def __post_init__(self) -> None:
        """Set `id` from `_id`."""
        fill(self, "id", self._id)


class Dated(Identified, frozen=True, kw_only=True):
    """Anything with an id and timestamps.

    Attributes:
        created_at: The time of creation.
        updated_at: The time of the last change.
    """

    created_at: datetime | None = msgspec.field(default=None, name="createdAt")
    updated_at: datetime | None = msgspec.field(default=None, name="updatedAt")


class Message(ApiModel, frozen=True, kw_only=True, repr_omit_defaults=True):
    """The service's message about a successful call.

    Attributes:
        message: The text.
    """

    message: str | None = None


class Confirmation(Message, frozen=True, kw_only=True):
    """Whether a call did what was requested, and the service's message.

    Attributes:
        success: Whether it was done.
    """

    success: bool | None = None


def fill(struct: msgspec.Struct, field: str, other: object) -> None:
    """Set an empty field of a struct to the value of its other name."""
    if other is not None and getattr(struct, field) is None:
        msgspec.structs.force_setattr(struct, field, other)
