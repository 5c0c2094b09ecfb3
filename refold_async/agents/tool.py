"""One tool: its name, its description, and the check of a model's arguments. Pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from refold_async._core.encoding import EncodedJSON, encode
from refold_async._core.lenient_json import loads
from refold_async._core.operation import Effect
from refold_async.agents import schemas
from refold_async.api.action_schema import ActionSchema
from refold_async.errors import InvalidCallError

LONGEST_NAME: Final = 64
_LONGEST_DESCRIPTION: Final = 1000
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
        schema: The JSON Schema of its arguments.
        check: Returns what is wrong with arguments, in words.
        parameters: The parameter of each argument whose name providers refuse.
    """

    name: str
    slug: str
    target: str
    kind: Literal["action", "workflow"]
    effect: Effect
    description: str
    schema: Mapping[str, Any]
    check: Check
    parameters: Mapping[str, str] = msgspec.field(default_factory=dict)


def action_tool(slug: str, action_id: str, effect: Effect, description: str, schema: ActionSchema) -> Tool:
    """Return the tool of an action."""
    exposed, parameters = _exposed(schema)
    return Tool(
        name=tool_name(slug, action_id, "action"),
        slug=slug,
        target=action_id,
        kind="action",
        effect=effect,
        description=_described(description, slug, effect),
        schema=exposed.json_schema(),
        check=lambda params: [_said(problem.message) for problem in exposed.check(params)],
        parameters=parameters,
    )


def workflow_tool(slug: str, workflow_id: str, effect: Effect, description: str, schema: object) -> Tool:
    """Return the tool of a workflow, whose schema is the service's own."""
    known = schema if isinstance(schema, Mapping) and isinstance(schema.get("properties"), Mapping) else {}
    return Tool(
        name=tool_name(slug, workflow_id, "workflow"),
        slug=slug,
        target=workflow_id,
        kind="workflow",
        effect=effect,
        description=_described(description, slug, effect),
        schema={"properties": {}, **known, "type": "object"},
        check=lambda params: _missing(known, params),
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
    if safe == name and len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{safe[: LONGEST_NAME - 9]}_{digest}"


def _exposed(schema: ActionSchema) -> tuple[ActionSchema, dict[str, str]]:
    """Return a schema under names that providers accept, and the names that changed."""
    named = [(each, each.name) for each in schema if isinstance(getattr(each, "name", None), str)]
    changed = {safe_name(name): name for _, name in named if name and safe_name(name) != name}
    exposed = [msgspec.structs.replace(each, name=safe_name(name)) for each, name in named if name]
    return ActionSchema(exposed), changed


def _described(description: str, slug: str, effect: Effect) -> str:
    text = " ".join(description.split())[:_LONGEST_DESCRIPTION] or "No description."
    text = text if text.endswith((".", "!", "?")) else f"{text}."
    return f"{text} App: {slug}.{'' if effect == 'read' else f' {_WRITES}'}"


def _missing(schema: Mapping[str, Any], params: Mapping[str, object]) -> list[str]:
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    return [f"the required parameter {name!r} is missing" for name in names if params.get(name) is None]


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
    required = set(tool.schema.get("required") or ())
    params = {name: value for name, value in given.items() if value is not None or name in required}
    try:
        problems = tool.check(params)[:_MOST_PROBLEMS]
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


def definition(tool: Tool, provider: schemas.Provider) -> dict[str, Any]:
    """Return a tool as a provider of models expects it."""
    return schemas.DEFINITIONS[provider](tool.name, tool.description, tool.schema, tool.effect)
