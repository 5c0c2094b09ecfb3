"""Reading an app's actions for one account or several, and merging what differs between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from refold_async import (
    Action,
    ActionParameter,
    ActionSchema,
    BatchProgress,
    Call,
    Done,
    Effect,
    Failed,
    NotFoundError,
    Outcome,
    Refold,
    RefoldError,
)
from refold_async.codegen.model import ActionModel, ParameterModel

_AT_ONCE: Final = 10
_LEARN_LIMIT: Final = "10"
"""The `limit` of a read that is executed to learn its result."""

Tell = Callable[[str], None]


async def fetch(
    refold: Refold,
    slug: str,
    accounts: Sequence[str],
    effects: Mapping[str, Effect],
    *,
    tell: Tell,
    count: Callable[[int, int, int], object],
) -> tuple[ActionModel, ...]:
    """Read the actions of an app, merged over accounts.

    Args:
        refold: The client.
        slug: The app's slug.
        accounts: The linked accounts to read for.
        effects: Effects that the user knows better, by action id.
        tell: Called with a line about each action that has no schema.
        count: Called with how many schemas were read, are missing, and there are in all.

    Raises:
        RefoldError: If a call fails for another reason than a missing schema.
    """
    found: dict[str, list[tuple[Action, ActionSchema]]] = {}
    jobs = [
        (account, action, action.action_id)
        for account in map(refold.account, accounts)
        for action in await account.actions.list(slug)
        if isinstance(action, Action) and isinstance(action.action_id, str) and action.action_id
    ]
    waiting, missing = iter(jobs), list[str]()

    async def work() -> None:
        for account, action, action_id in waiting:
            try:
                schema = await account.actions.schema(slug, action_id)
                found.setdefault(action_id, []).append((action, schema))
            except NotFoundError:
                missing.append(action_id)
                tell(f"{slug}/{action_id}: skipped, the service has no schema for it")
            count(sum(map(len, found.values())), len(missing), len(jobs))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return tuple(merge(each, found[each], effects) for each in sorted(found))


def merge(
    action_id: str, found: Sequence[tuple[Action, ActionSchema]], effects: Mapping[str, Effect]
) -> ActionModel:
    """Merge what accounts say of one action: a parameter is required only if all require it."""
    action = min((each for each, _ in found), key=lambda each: (str(each.name), str(each.description)))
    schemas = [_by_name(schema) for _, schema in found]
    names = sorted({name for schema in schemas for name in schema})
    return ActionModel(
        id=action_id,
        effect=effects.get(action_id, action.effect),
        name=_text(action.name),
        description=_text(action.description),
        parameters=tuple(_merged(name, [schema.get(name) for schema in schemas]) for name in names),
    )


def _by_name(schema: Iterable[ActionParameter]) -> dict[str, ActionParameter]:
    """Return the parameters by name; the service may send an item that is not one."""
    return {
        each.name: each for each in schema if isinstance(each, ActionParameter) and isinstance(each.name, str)
    }


def _merged(name: str, found: Sequence[ActionParameter | None]) -> ParameterModel:
    present = [each for each in found if each is not None]
    choices = [_options(each.options) for each in present]
    return ParameterModel(
        id=name,
        required=all(each is not None and each.required is True for each in found),
        kinds=tuple(sorted({_text(each.type).lower() for each in present})),
        options=_union(choices) if all(choices) else (),
        label=min(_text(each.label) for each in present),
        help=min(_text(each.help_text) for each in present),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _options(options: object) -> list[str | int]:
    """Return the values of a choice; none if one of them cannot stand in a `Literal`."""
    if not isinstance(options, list):
        return []
    values = [each.get("value") if isinstance(each, dict) else each for each in options]
    fit = [each for each in values if isinstance(each, str | int) and not isinstance(each, bool)]
    return fit if len(fit) == len(values) else []


def _union(choices: Iterable[list[str | int]]) -> tuple[str | int, ...]:
    options = {option for each in choices for option in each}
    return tuple(sorted(options, key=lambda option: (str(option), isinstance(option, int))))


async def learn(
    refold: Refold,
    slug: str,
    accounts: Sequence[str],
    actions: Sequence[ActionModel],
    *,
    tell: Tell,
    on_progress: Callable[[BatchProgress], object],
) -> AsyncIterator[tuple[str, Any]]:
    """Execute the reads that require no parameter, and yield action ids with the data of their results.

    Args:
        refold: The client.
        slug: The app's slug.
        accounts: The linked accounts to read for.
        actions: The app's actions.
        tell: Called with a line about each read that failed.
        on_progress: Called with the progress of the reads.
    """
    reads = [(each.id, _learning_params(each)) for each in actions if _is_learnable(each)]
    calls = [Call(account, slug, *read, effect="read") for account in accounts for read in reads]
    async with refold.batch(calls, concurrency=_AT_ONCE, on_progress=on_progress) as outcomes:
        async for outcome in outcomes:
            try:
                data = _data_of(outcome)
            except RefoldError as error:
                tell(f"{slug}/{outcome.call.action_id}: not learned: {error.message}")
            else:
                yield outcome.call.action_id, data


def _data_of(outcome: Outcome) -> Any:
    if isinstance(outcome, Done):
        return outcome.result.data
    raise outcome.error if isinstance(outcome, Failed) else RefoldError(f"skipped: {outcome.reason}")


def _is_learnable(action: ActionModel) -> bool:
    return action.effect == "read" and not any(each.required for each in action.parameters)


def _learning_params(action: ActionModel) -> dict[str, str]:
    return {"limit": _LEARN_LIMIT} if any(each.id == "limit" for each in action.parameters) else {}
