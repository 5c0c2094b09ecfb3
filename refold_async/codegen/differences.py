"""Comparing two texts of a generated module, in words. They are parsed, never executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeVar

from refold_async.codegen.rendering import MARK

T = TypeVar("T")


class UnreadableModuleError(ValueError):
    """A file is not a module that `refold codegen` wrote."""


class Parameter(NamedTuple):
    """A parameter as the code has it."""

    python_name: str
    required: bool
    kind: str


class Method(NamedTuple):
    """An action as the code has it."""

    python_name: str
    effect: str
    parameters: dict[str, Parameter]


class Facts(NamedTuple):
    """What a module says: its actions by id, and the fields of its results by struct."""

    actions: dict[str, Method]
    results: dict[str, dict[str, str]]


def read_module(text: str) -> Facts:
    """Read a generated module.

    Args:
        text: Its source.

    Raises:
        UnreadableModuleError: If it is not a generated module.
    """
    try:
        return _facts(ast.parse(text))
    except UnreadableModuleError:
        raise
    except (SyntaxError, StopIteration, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UnreadableModuleError(f"it was changed by hand: {error!r}") from error


def _facts(tree: ast.Module) -> Facts:
    if MARK not in (ast.get_docstring(tree) or ""):
        raise UnreadableModuleError("it is not a module that refold codegen wrote")
    types = [each for node in tree.body if isinstance(node, ast.If) for each in node.body]
    aliases = {ast.unparse(each.target): each.value for each in types if isinstance(each, ast.AnnAssign)}
    shown = {name: ast.unparse(value) for name, value in aliases.items() if value is not None}
    results = {each.name: dict(_fields(each)) for each in types if isinstance(each, ast.ClassDef)}
    results |= {name: {"": kind} for name, kind in shown.items() if not kind.startswith("Literal[")}
    calls = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "_Calls")
    methods = [each for each in calls.body if isinstance(each, ast.FunctionDef)]
    return Facts(dict(_method(each, shown) for each in methods), results)


def _fields(struct: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for line in struct.body:
        if isinstance(line, ast.AnnAssign):
            renamed = line.value.keywords if isinstance(line.value, ast.Call) else []
            names = [ast.literal_eval(each.value) for each in renamed if each.arg == "name"]
            yield (names[0] if names else ast.unparse(line.target)), ast.unparse(line.annotation)


def _method(function: ast.FunctionDef, aliases: Mapping[str, str]) -> tuple[str, Method]:
    returned = function.body[-1]
    call = returned.value if isinstance(returned, ast.Return) else None
    if not isinstance(call, ast.Call):
        raise TypeError(f"{function.name} returns no Call")
    _, _, action_id, params = call.args
    effect = ast.literal_eval({each.arg: each.value for each in call.keywords}["effect"])
    items = params.args[0] if isinstance(params, ast.Call) else params
    if not isinstance(items, ast.Dict):
        raise TypeError(f"{function.name} has no parameters")
    given = function.args
    known = {
        each.arg: Parameter(each.arg, default is None, _kind(each, aliases))
        for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    }
    ids = [ast.literal_eval(key) for key in items.keys if key is not None]
    parameters = {id_: known[ast.unparse(name)] for id_, name in zip(ids, items.values, strict=True)}
    return ast.literal_eval(action_id), Method(function.name, effect, parameters)


def _kind(argument: ast.arg, aliases: Mapping[str, str]) -> str:
    """Return a parameter's type, without what says that it may be left out."""
    kind = "" if argument.annotation is None else ast.unparse(argument.annotation)
    parts = [part for part in kind.split(" | ") if part not in {"None", "msgspec.Raw"}]
    return " | ".join(aliases.get(part, part) for part in parts)


def differences(old: Facts, new: Facts, *, results: bool) -> list[str]:
    """Say how one module differs from another.

    Args:
        old: What is there.
        new: What would be generated.
        results: Whether to compare the types of results too.

    Returns:
        A line for each difference; none if they say the same.
    """
    lines = list(_of_actions(old.actions, new.actions))
    return [*lines, *_of_results(old.results, new.results)] if results else lines


def _of_actions(old: Mapping[str, Method], new: Mapping[str, Method]) -> Iterator[str]:
    for id_, before, after in _pairs(old, new):
        if before is None or after is None:
            yield f"{id_}: action {'added' if before is None else 'gone'}"
            continue
        if before.effect != after.effect:
            yield f"{id_}: effect changed from {before.effect} to {after.effect}"
        if before.python_name != after.python_name:
            yield f"{id_}: method renamed from {before.python_name} to {after.python_name}"
        for name, was, now in _pairs(before.parameters, after.parameters):
            yield from (f"{id_}: parameter {name!r} {change}" for change in _changes(was, now))


def _changes(was: Parameter | None, now: Parameter | None) -> Iterator[str]:
    if was is None or now is None:
        added = "added, required" if now is not None and now.required else "added"
        yield added if was is None else "gone"
        return
    if was.required != now.required:
        yield f"made {'required' if now.required else 'optional'}"
    if was.kind != now.kind:
        yield f"changed from {was.kind} to {now.kind}"
    if was.python_name != now.python_name:
        yield f"renamed from {was.python_name} to {now.python_name}"


def _of_results(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name, before, after in _pairs(old, new):
        if before is None or after is None:
            yield f"{name}: result {'added' if before is None else 'gone'}"
            continue
        for field, was, now in _pairs(before, after):
            if was is None or now is None:
                yield f"{name}: field {field!r} {'added' if was is None else 'gone'}"
            elif was != now:
                yield f"{name}: field {field!r} changed from {was} to {now}"


def _pairs(old: Mapping[str, T], new: Mapping[str, T]) -> Iterator[tuple[str, T | None, T | None]]:
    return ((key, old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys()))
