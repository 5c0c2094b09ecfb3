"""The settings of a toolset, and what the host's own functions are given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypedDict

import msgspec

from refold_async._core.operation import Effect
from refold_async.agents.loading import Allowed, Effects, check_allowed
from refold_async.agents.tool import Tool
from refold_async.calls import Verdict
from refold_async.errors import Fate, SettingsError
from refold_async.settle.settings import LookupFunction, Settle

SMALLEST_ANSWER: Final = 1000

Writes = Literal["deny", "ask", "allow"]


class ApprovalRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call that a person is asked to approve: exactly these parameters are sent, at once, or nothing.

    Attributes:
        account: The customer's linked account id; `None` for the account of a token.
        slug: The app's slug.
        action_id: The action's or workflow's id.
        params: The parameters, checked.
        effect: What running it twice does.
        verdict: What is known of an earlier call of this action whose fate was unknown, if there was
            one: to approve then may do it a second time, unless it is `Absent`.
    """

    account: str | None
    slug: str
    action_id: str
    params: Mapping[str, Any]
    effect: Effect
    verdict: Verdict | None = None


Approve = Callable[[ApprovalRequest], Awaitable[bool]]


async def cannot_ask(_: ApprovalRequest) -> bool:
    """Refuse: there is nobody to ask."""
    return False


class ToolRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One tool call, for the host's log.

    Attributes:
        tool: The tool's name, as the model called it.
        account: The customer's linked account id; `None` for the account of a token.
        slug: The app's slug, if there is such a tool.
        action_id: The action's or workflow's id, if there is such a tool.
        effect: What running it twice does, if there is such a tool.
        ok: Whether it was done.
        fate: What became of a call that failed.
        needs_reconnect: Whether the customer must connect its app again.
        seconds: How long it took, approval included.
    """

    tool: str
    account: str | None
    slug: str | None
    action_id: str | None
    effect: Effect | None
    ok: bool
    fate: Fate | None
    needs_reconnect: bool
    seconds: float


class ToolOptions(TypedDict, total=False):
    """Settings of `account.tools`.

    Attributes:
        workflows: The workflows to allow, by slug; they count as writes.
        writes: `"deny"` (default) offers no action that writes; `"ask"` asks `approve` before each;
            `"allow"` runs them.
        approve: An async function of an `ApprovalRequest`; `True` approves that one call. It must not
            take anything the model says for an approval.
        approval_timeout: Seconds after which an unanswered request is refused; default 300.
        max_bytes: The size of an answer in bytes, at least 1,000; default 20,000.
        settle: How to look up what became of a write, by slug and action: a function that returns a
            `Lookup`, or a `Settle`.
        effects: Effects that you know better than the words of an id suggest, by slug and action.
        unsafe: Allows `httprequest`, which can send any request with the customer's credentials.
        timeout: Deadline of each call in seconds; default: the client's.
        on_call: Called with a `ToolRecord` after each call.
    """

    workflows: Allowed
    writes: Writes
    approve: Approve
    approval_timeout: float
    max_bytes: int
    settle: Mapping[str, Mapping[str, LookupFunction | Settle]]
    effects: Effects
    unsafe: bool
    timeout: float
    on_call: Callable[[ToolRecord], object]


class ToolSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The checked settings of a toolset; see `ToolOptions`.

    Raises:
        SettingsError: If a setting cannot work.
    """

    workflows: Any = msgspec.field(default_factory=dict)
    writes: Writes = "deny"
    approve: Approve | None = None
    approval_timeout: float = 300.0
    max_bytes: int = 20_000
    settle: Any = msgspec.field(default_factory=dict)
    effects: Any = msgspec.field(default_factory=dict)
    unsafe: bool = False
    timeout: float | None = None
    on_call: Callable[[ToolRecord], object] | None = None

    def __post_init__(self) -> None:
        """Validate the settings."""
        if self.writes not in {"deny", "ask", "allow"}:
            raise SettingsError(f'writes must be "deny", "ask" or "allow", not {self.writes!r}')
        if self.writes == "ask" and self.approve is None:
            raise SettingsError('writes="ask" needs approve, an async function of an ApprovalRequest')
        if not isinstance(self.max_bytes, int) or self.max_bytes < SMALLEST_ANSWER:
            raise SettingsError(f"max_bytes must be at least {SMALLEST_ANSWER}, not {self.max_bytes!r}")
        check_allowed("workflows", self.workflows, unsafe=True)
        for name in ("settle", "effects"):
            given = getattr(self, name)
            if not isinstance(given, Mapping) or not all(
                isinstance(each, Mapping) for each in given.values()
            ):
                raise SettingsError(f"{name} must be a mapping of mappings, by slug and action")

    def check_known(self, tools: Iterable[Tool]) -> None:
        """Raise if a setting is for a tool that there is not: nothing would ever use it."""
        known = {(tool.slug, tool.target) for tool in tools}
        for name in ("settle", "effects"):
            given = {(slug, target) for slug, ids in getattr(self, name).items() for target in ids}
            if unknown := sorted(given - known):
                raise SettingsError(f"{name} is for {'/'.join(unknown[0])}, which is not allowed")

    def settle_of(self, tool: Tool) -> Settle | None:
        """Return how a tool's lost writes are looked up."""
        found = self.settle.get(tool.slug, {}).get(tool.target)
        return found if found is None or isinstance(found, Settle) else Settle(found)
