"""Loading the tools of an account: what is allowed, checked against what the service has."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final

from refold_async._core.effects import effect_of_action
from refold_async._core.operation import Effect
from refold_async.agents.tool import Tool, action_tool, workflow_tool
from refold_async.api.actions import Action, Actions
from refold_async.api.workflows import Workflows
from refold_async.errors import NotFoundError, SettingsError

_AT_ONCE: Final = 10

Allowed = Mapping[str, Sequence[str]]
"""The ids of an app's actions, or workflows, by the app's slug."""

Effects = Mapping[str, Mapping[str, Effect]]
"""Effects that the host knows better than the words of an id suggest, by slug and id."""


def check_allowed(name: str, allowed: object, *, unsafe: bool) -> None:
    """Check an allow-list.

    Raises:
        SettingsError: If it is not a mapping of lists of ids, or has `httprequest`, which can do anything
            with the customer's credentials, without `unsafe`.
    """
    if not isinstance(allowed, Mapping):
        raise SettingsError(f'{name} must be a mapping like {{"hubspot": ["get_contact"]}}')
    for slug, ids in allowed.items():
        if not isinstance(ids, Sequence) or isinstance(ids, str) or not all(isinstance(x, str) for x in ids):
            raise SettingsError(f"{name}[{slug!r}] must be a list of ids, not {ids!r}")
        free = [each for each in ids if "".join(filter(str.isalnum, each)).lower() == "httprequest"]
        if free and not unsafe:
            raise SettingsError(f"{slug}/{free[0]} can send any request: pass unsafe=True to allow it")


async def load_tools(
    actions: Actions, workflows: Workflows, allowed: Allowed, flows: Allowed, effects: Effects
) -> dict[str, Tool]:
    """Return the tools of an account by name, in the order of the allow-lists.

    Raises:
        SettingsError: If the service has no such action or workflow.
        RefoldError: If a call fails.
    """
    listed = await _all(actions.list(slug) for slug in allowed)
    wanted = [
        (slug, _known(slug, action_id, known))
        for (slug, ids), known in zip(allowed.items(), listed, strict=True)
        for action_id in dict.fromkeys(ids)
    ]
    tools = await _all(_action(actions, slug, action, effects) for slug, action in wanted)
    named = await _names(workflows) if flows else {}
    tools += await _all(
        _workflow(workflows, slug, workflow_id, named.get(workflow_id, ""), effects)
        for slug, ids in flows.items()
        for workflow_id in dict.fromkeys(ids)
    )
    return {tool.name: tool for tool in tools}


def _known(slug: str, action_id: str, actions: Iterable[Action]) -> Action:
    ids = {each.action_id: each for each in actions if isinstance(each, Action) and each.action_id}
    if action_id not in ids:
        near = difflib.get_close_matches(action_id, [str(each) for each in ids], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SettingsError(f"{slug} has no action {action_id!r}{hint}")
    return ids[action_id]


async def _action(actions: Actions, slug: str, action: Action, effects: Effects) -> Tool:
    action_id = str(action.action_id)
    schema = await actions.schema(slug, action_id)
    effect = effects.get(slug, {}).get(action_id) or effect_of_action(action_id)
    return action_tool(slug, action_id, effect, _described(action.name, action.description), schema)


async def _workflow(
    workflows: Workflows, slug: str, workflow_id: str, description: str, effects: Effects
) -> Tool:
    try:
        structure = await workflows.request_structure(workflow_id)
    except NotFoundError as error:
        raise SettingsError(f"{slug} has no workflow {workflow_id!r}") from error
    effect = effects.get(slug, {}).get(workflow_id) or "write"
    return workflow_tool(slug, workflow_id, effect, description, structure.schema)


async def _names(workflows: Workflows) -> dict[str, str]:
    """Return what workflows are called and do, by id."""
    return {str(each.id): _described(each.name, each.description) async for each in workflows.list(limit=100)}


def _described(*texts: object) -> str:
    return ". ".join(dict.fromkeys(text for text in texts if isinstance(text, str) and text))


async def _all(calls: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Await calls, a few at a time: those that wait for the rate limit use their deadlines up.

    Raises:
        RefoldError: The first that a call raises; the others are cancelled.
    """
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(call: Coroutine[Any, Any, Any]) -> Any:
        async with slots:
            return await call

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(call)) for call in calls]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
