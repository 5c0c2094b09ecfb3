"""What the answers of many resources share."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    Environment = Literal["test", "production"] | str
else:
    Environment = str

Record = dict[str, Any]
"""A record of the caller's own making: its fields are whatever was written."""

Records = list[Record]


class Identified(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """What has an id, which the service writes as `_id` or as `id`.

    Attributes:
        id: The id, whichever way it came.
    """

    id: str | None = None
    _id: str | None = None

    def __post_init__(self) -> None:
        """Let `id` hold what came as `_id`."""
        fill(self, "id", self._id)


class Dated(Identified, frozen=True, kw_only=True):
    """What has an id and knows its age.

    Attributes:
        created_at: When it was made.
        updated_at: When it was last changed.
    """

    created_at: datetime | None = msgspec.field(default=None, name="createdAt")
    updated_at: datetime | None = msgspec.field(default=None, name="updatedAt")


class Message(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """What the service says of a call that went well.

    Attributes:
        message: Its words.
    """

    message: str | None = None


class Confirmation(Message, frozen=True, kw_only=True):
    """Whether a call did what was asked, and the service's words.

    Attributes:
        success: Whether it was done.
    """

    success: bool | None = None


def fill(struct: msgspec.Struct, field: str, other: object) -> None:
    """Set a struct's field that holds nothing to what came under its other name."""
    if other is not None and getattr(struct, field) is None:
        msgspec.structs.force_setattr(struct, field, other)
