"""JSON Schemas in the subset that each provider of models accepts. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from refold_async._core.operation import Effect

_STRICT_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
_MOST_PROPERTIES: Final = 100
_MOST_CHOICES: Final = 250
_JSON_AS_TEXT: Final = "JSON, as text."


def standard(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema for Anthropic, MCP, and OpenAI without strict mode, which accept JSON Schema."""
    return {**{name: value for name, value in schema.items() if name != "$schema"}, "type": "object"}


def strict(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a schema for OpenAI's strict mode, or `None` if that cannot express it.

    Strict mode requires every property, and takes one type each: an optional one may be null.
    """
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if schema.get("additionalProperties") is not False or len(properties) > _MOST_PROPERTIES:
        return None
    strict_ones = {name: _strict_property(each, name in required) for name, each in properties.items()}
    if any(each is None for each in strict_ones.values()):
        return None
    return {
        "type": "object",
        "properties": strict_ones,
        "required": list(properties),
        "additionalProperties": False,
    }


def _strict_property(schema: Mapping[str, Any], required: bool) -> dict[str, Any] | None:  # noqa: FBT001
    kind = _first_type(schema)
    if kind not in {"string", "number", "integer", "boolean"}:
        return None
    property_: dict[str, Any] = {"type": kind if required else [kind, "null"]}
    if description := _description(schema):
        property_["description"] = description
    if schema.get("format") in _STRICT_FORMATS:
        property_["format"] = schema["format"]
    if "enum" in schema:
        choices = _choices(schema["enum"])
        if len(choices) > _MOST_CHOICES:
            return None
        property_["type"] = "string" if required else ["string", "null"]
        property_["enum"] = choices if required else [*choices, None]
    return property_


def gemini(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a schema for Gemini's function declarations, or `None` for one without properties.

    Gemini refuses lists of types, formats that it does not know, choices that are not strings, objects
    without properties, and `additionalProperties`.
    """
    return _gemini_object(schema) if schema.get("properties") else None


def _gemini_object(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = {name: _gemini_value(each) for name, each in schema["properties"].items()}
    required = [name for name in schema.get("required", []) if name in properties]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _gemini_value(schema: Any) -> dict[str, Any]:
    schema = schema if isinstance(schema, Mapping) else {}
    kind, description = _first_type(schema), _description(schema)
    value: dict[str, Any]
    if kind == "object" and schema.get("properties"):
        value = _gemini_object(schema)
    elif kind == "array":
        value = {"type": "array", "items": _gemini_value(schema.get("items"))}
    elif "enum" in schema:
        value = {"type": "string", "enum": _choices(schema["enum"])}
    elif kind in {"string", "number", "integer", "boolean"}:
        value = {"type": kind}
    else:
        value, description = {"type": "string"}, f"{description} {_JSON_AS_TEXT}".strip()
    return {**value, "description": description} if description else value


def _first_type(schema: Mapping[str, Any]) -> str | None:
    """Return the type that is meant first, e.g. `number` of a number that may be written as text."""
    kind = schema.get("type")
    kinds = [each for each in kind if each != "null"] if isinstance(kind, list) else [kind]
    return kinds[0] if kinds and isinstance(kinds[0], str) else None


def _description(schema: Mapping[str, Any]) -> str:
    parts = (schema.get("title"), schema.get("description"))
    return ". ".join(dict.fromkeys(part for part in parts if isinstance(part, str) and part))


def _choices(values: Any) -> list[str]:
    """Return choices as the service's forms write them: each once, and none empty."""
    plain = (str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    return [value for value in dict.fromkeys(plain) if value]


def openai_definition(name: str, description: str, schema: Mapping[str, Any], _: Effect) -> dict[str, Any]:
    """Return a function tool of OpenAI's Responses API, strict if the schema fits that."""
    fitting = strict(schema)
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": standard(schema) if fitting is None else fitting,
        "strict": fitting is not None,
    }


def anthropic_definition(name: str, description: str, schema: Mapping[str, Any], _: Effect) -> dict[str, Any]:
    """Return a tool of Anthropic's Messages API."""
    return {"name": name, "description": description, "input_schema": standard(schema)}


def gemini_definition(name: str, description: str, schema: Mapping[str, Any], _: Effect) -> dict[str, Any]:
    """Return a function declaration of the Gemini API."""
    parameters = gemini(schema)
    declared = {} if parameters is None else {"parameters": parameters}
    return {"name": name, "description": description, **declared}


def mcp_definition(name: str, description: str, schema: Mapping[str, Any], effect: Effect) -> dict[str, Any]:
    """Return a tool of the Model Context Protocol, with its hints."""
    hints = {
        "readOnlyHint": effect == "read",
        "destructiveHint": effect != "read",
        "idempotentHint": effect != "write",
        "openWorldHint": True,
    }
    return {
        "name": name, "description": description, "inputSchema": standard(schema), "annotations": hints
    }  # fmt: skip


Provider = Literal["openai", "anthropic", "gemini", "mcp"]

DEFINITIONS: Final[Mapping[Provider, Callable[[str, str, Mapping[str, Any], Effect], dict[str, Any]]]] = {
    "openai": openai_definition,
    "anthropic": anthropic_definition,
    "gemini": gemini_definition,
    "mcp": mcp_definition,
}
