"""One tool: its name, its description, and the check of a model's arguments. Pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Literal

import msgspec

from refold_async._core.encoding import EncodedJSON, encode
from refold_async._core.lenient_json import loads
from refold_async._core.operation import Effect
from refold_async.agents import schemas
from refold_async.api.action_schema import ActionParameter, ActionSchema
from refold_async.errors import InvalidCallError

_LONGEST_NAME: Final = 64
_LONGEST_DESCRIPTION: Final = 1024
_LARGEST_ARGUMENTS: Final = 1_000_000
_MOST_PROBLEMS: Final = 20
_WRITES: Final = "Changes data. If an answer says that its fate is unknown, do not repeat the call."

Check = Callable[[Mapping[str, object]], list[str]]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """An action or a workflow, as a model sees it.

    Attributes:
        name: Its name, e.g. `hubspot_create_contact_action`.
        slug: The app's slug.
        target: The action's or workflow's id.
        kind: Which of the two it is.
        effect: What running it twice does.
        description: What it does, in words.
        schema: The JSON Schema of its arguments, in the keywords of `schemas.portable`.
        check: Returns what is wrong with arguments, in words.
        parameters: The parameter of each argument.
    """

    name: str
    slug: str
    target: str
    kind: Literal["action", "workflow"]
    effect: Effect
    description: str
    schema: dict[str, Any]
    check: Check
    parameters: Mapping[str, str]


def action_tool(slug: str, action_id: str, effect: Effect, description: str, schema: ActionSchema) -> Tool:
    """Return the tool of an action."""
    own = {each.name: each for each in schema if isinstance(each, ActionParameter)}
    names = _argument_names(own)
    exposed = ActionSchema([msgspec.structs.replace(own[name], name=names[name]) for name in names])
    return Tool(
        name=tool_name(slug, action_id, "action"),
        slug=slug,
        target=action_id,
        kind="action",
        effect=effect,
        description=_described(description, slug, effect),
        schema=schemas.portable(exposed.json_schema()),
        check=lambda params: [_said(problem.message) for problem in exposed.check(params)],
        parameters={argument: name for name, argument in names.items()},
    )


def workflow_tool(slug: str, workflow_id: str, effect: Effect, description: str, schema: object) -> Tool:
    """Return the tool of a workflow, whose schema is the service's own."""
    known = schema if isinstance(schema, Mapping) else {}
    properties, required = known.get("properties"), known.get("required")
    properties = properties if isinstance(properties, Mapping) else {}
    required = required if isinstance(required, list) else []
    names = _argument_names(properties)
    exposed = {
        **known,
        "type": "object",
        "properties": {argument: properties[name] for name, argument in names.items()},
        "required": [names[name] for name in names if name in required],
    }
    return Tool(
        name=tool_name(slug, workflow_id, "workflow"),
        slug=slug,
        target=workflow_id,
        kind="workflow",
        effect=effect,
        description=_described(description, slug, effect),
        schema=schemas.portable({name: value for name, value in exposed.items() if name != "enum"}),
        check=partial(_missing, exposed["required"]),
        parameters={argument: name for name, argument in names.items()},
    )


def tool_name(slug: str, target: str, kind: str) -> str:
    """Return a tool's name, as Refold's own MCP servers call it: `hubspot_get_contact_action`.

    A name that is too long, or has characters that providers refuse, ends with a hash of the whole.
    """
    return safe_name(f"{slug}_{target}_{kind}")


def safe_name(name: str) -> str:
    """Return a name that every provider accepts: a letter or `_`, then letters, digits, `_` and `-`."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    safe = safe if re.match(r"[A-Za-z_]", safe) else f"_{safe}"
    if safe == name and len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{safe[: _LONGEST_NAME - 9]}_{digest}"


def _argument_names(names: Iterable[object]) -> dict[str, str]:
    """Return what a model calls each parameter: providers refuse some names."""
    return {name: safe_name(name) for name in names if isinstance(name, str) and name}


def _described(description: str, slug: str, effect: Effect) -> str:
    tail = f" App: {slug[:_LONGEST_NAME]}.{'' if effect == 'read' else f' {_WRITES}'}"
    text = " ".join(description.split())[: _LONGEST_DESCRIPTION - len(tail) - 1] or "No description."
    return f"{text}{'' if text.endswith(('.', '!', '?')) else '.'}{tail}"


def _missing(required: Iterable[str], params: Mapping[str, object]) -> list[str]:
    return [f"the required parameter {name!r} is missing" for name in required if params.get(name) is None]


def _said(message: str) -> str:
    return message.removeprefix("the action has ") if message.startswith("the action has no") else message


def read_arguments(tool: Tool, arguments: object) -> EncodedJSON | list[str]:
    """Return a model's arguments as the parameters to send, or what is wrong with them.

    Args:
        tool: The tool.
        arguments: A JSON object as text, or a mapping. A null for a parameter that is not required is
            dropped: models in strict mode have to send one.
    """
    given = decoded(arguments)
    if isinstance(given, str):
        return [given]
    required = tool.schema["required"]
    params = {name: value for name, value in given.items() if value is not None or name in required}
    try:
        problems = tool.check(params)[:_MOST_PROBLEMS]
        if tool.kind == "workflow":  # an action's parameters are accepted as text, as its form writes them
            params = schemas.as_meant(tool.schema, params)
        named = {tool.parameters.get(name, name): value for name, value in params.items()}
        return problems or EncodedJSON(encode(named, "arguments"))
    except InvalidCallError as error:
        return [error.message]
    except RecursionError:
        return ["the arguments are nested too deeply"]


def decoded(arguments: object) -> dict[str, Any] | str:
    """Return arguments as a dict, or what is wrong with them."""
    if isinstance(arguments, str | bytes):
        if len(arguments) > _LARGEST_ARGUMENTS:
            return f"the arguments are longer than {_LARGEST_ARGUMENTS} bytes"
        try:
            text = arguments if isinstance(arguments, bytes) else arguments.encode(errors="replace")
            arguments = loads(text) if text.strip() else {}
        except (ValueError, RecursionError):
            return "the arguments are not JSON"
    if arguments is None:
        return {}
    if not isinstance(arguments, Mapping):
        return f"the arguments must be a JSON object, not {type(arguments).__name__}"
    if not all(isinstance(name, str) for name in arguments):
        return "the names of arguments must be strings"
    return dict(arguments)
