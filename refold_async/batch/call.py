"""What a batch runs: one action, for one customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from refold_async.errors import InvalidCallError
from refold_async.operation import Effect
from refold_async.wire import check_effect


class _Target(msgspec.Struct, frozen=True):
    """The part of a call that is given by position."""

    linked_account_id: str
    slug: str
    action_id: str
    params: Mapping[str, object] | None = None


class Call(_Target, frozen=True, kw_only=True):
    """One action to run for one customer.

    Args:
        linked_account_id: The customer.
        slug: The app, as `hubspot`.
        action_id: The action, as `create_contact`.
        params: The action's parameters, by name; default: none.
        key: What identifies this call in a journal, across runs; default: its place in the input.
        effect: What running it twice does, where you know better than the action's name tells.

    A call that cannot be sent comes out of the batch as a `Failed` with an `InvalidCallError`.
    """

    key: str | None = None
    effect: Effect | None = None


_MAPPINGS: Final = (dict, Mapping)  # a dict is told at once, where Mapping asks its registry


def check(call: Call) -> None:
    """Refuse a call whose fields are of no use to a batch; the wire checks the rest.

    Raises:
        InvalidCallError: A field is of another type, or `effect` is none.
    """
    if not (
        isinstance(call.linked_account_id, str)
        and isinstance(call.slug, str)
        and isinstance(call.action_id, str)
    ):
        raise _no_text(call)
    if call.params is not None and not isinstance(call.params, _MAPPINGS):
        raise InvalidCallError(f"params must be a mapping, not {type(call.params).__name__}")
    if call.key is not None and not _is_key(call.key):
        raise InvalidCallError(f"key must be a text of valid Unicode that is not empty, not {call.key!r}")
    if call.effect is not None:
        check_effect(call.effect)


def _no_text(call: Call) -> InvalidCallError:
    given = {name: getattr(call, name) for name in ("linked_account_id", "slug", "action_id")}
    name, value = next(item for item in given.items() if not isinstance(item[1], str))
    return InvalidCallError(f"{name} must be a text, not {type(value).__name__}")


def _is_key(value: object) -> bool:
    try:
        return isinstance(value, str) and value.encode() != b""
    except UnicodeEncodeError:
        return False
