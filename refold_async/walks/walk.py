"""A walk as data, and one page of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from refold_async._core.checks import check_effect, check_mapping, check_string
from refold_async._core.effects import effect_of_action
from refold_async._core.operation import Effect
from refold_async.errors import InvalidCallError, RefoldError
from refold_async.walks.answers import Scalar
from refold_async.walks.paging import Paging
from refold_async.walks.position import ResumePoint

T = TypeVar("T")


class _WalkTarget(msgspec.Struct, frozen=True):
    """The part of a walk that is given by position."""

    linked_account_id: str
    slug: str
    action_id: str
    params: Mapping[str, object] | None = None


class Walk(_WalkTarget, frozen=True, kw_only=True):
    """All pages of one action for one customer.

    Args:
        linked_account_id: The customer.
        slug: The app's slug, e.g. `hubspot`.
        action_id: The action, e.g. `get_contact`.
        params: Its parameters, sent with every page; default: none.
        into: The type of a record, as in `ActionResult.into`; default: dicts, lists, strings and numbers.
        paging: How the action is paged; default: found in its first answer and its schema.
        records: Where the records are in an answer, e.g. `results`; default: the only list of objects.
        effect: `"read"` if the action changes nothing although its name does not tell.
        resume: Where to begin, as another walk left it; default: at the beginning.
        timeout: Deadline of each page's call, retries included, in seconds; default: the client's. Only for
            `account.actions.walk`: many walks have one in `refold.walks`.
        since: Returns the parameters that select what changed since a moment, e.g.
            `lambda mark: {"updatedAfter": mark.isoformat()}`; only for `refold.walks` with a state.
    """

    into: Any = None
    paging: Paging | None = None
    records: str | None = None
    effect: Effect | None = None
    resume: str | None = None
    timeout: float | None = None
    since: Callable[[datetime], Mapping[str, object]] | None = None


class WalkPage(msgspec.Struct, Generic[T], frozen=True):
    """One page of a walk.

    Attributes:
        walk: The walk.
        records: Its records.
        raw: The whole data's JSON as it was received.
        number: Its number in the walk, from 1.
        cursor: What asks for the next page: a cursor, an offset, a number; `None` on the last.
        point: The point behind it.
        restarted: Whether the walk began again with this page, e.g. since its cursor had expired: pages of an
            earlier start come again.
    """

    walk: Walk
    records: list[T]
    raw: msgspec.Raw
    number: int
    cursor: Scalar
    point: ResumePoint
    restarted: bool = False

    @property
    def resume(self) -> str:
        """The point behind it, for the `resume` of another walk."""
        return self.point.encode()


def check_walk(walk: Walk) -> None:
    """Check a walk's fields; the rest is checked when its first page is asked for.

    Raises:
        InvalidCallError: If a field has the wrong type, or the action may change something.
    """
    for name in ("linked_account_id", "slug", "action_id"):
        check_string(name, getattr(walk, name))
    check_mapping("params", walk.params, optional=True)
    check_effect(walk.effect)
    if not isinstance(walk.paging, Paging | None):
        raise InvalidCallError(
            f"paging must be a Cursor, Offset, PageNumber or NextLink, not {type(walk.paging).__name__}"
        )
    if (walk.effect or effect_of_action(walk.action_id)) != "read":
        raise InvalidCallError(
            f"{walk.action_id} may change something: a walk runs it many times; "
            "if it only reads, pass effect='read'"
        )
    if walk.records is not None:
        check_string("records", walk.records)
    if walk.into is not None:
        _check_type(walk.into)
    if walk.resume is not None:
        ResumePoint.decode(walk.resume)


def _check_type(into: Any) -> None:
    try:
        msgspec.json.Decoder(into)
    except (TypeError, ValueError, NameError) as error:
        raise InvalidCallError(f"into is not a type that can be decoded: {error}") from None


def name_walk(error: RefoldError, walk: Walk) -> None:
    """Set the attributes of an error that say which walk failed."""
    error.operation, error.effect = "actions.execute", "read"
    error.slug, error.action_id = walk.slug, walk.action_id
    error.linked_account_id = walk.linked_account_id or None
