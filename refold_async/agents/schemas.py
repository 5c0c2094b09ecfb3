"""JSON Schemas in the subset that each provider of models documents. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from refold_async._core.lenient_json import loads
from refold_async._core.operation import Effect

Provider = Literal["openai", "anthropic", "gemini", "mcp"]

_TYPES: Final = ("string", "number", "integer", "boolean", "array", "object", "null")
_SCALARS: Final = _TYPES[:4]
_PROPERTY_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_DEEPEST: Final = 8
_STRICT_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
_STRICT_MOST_PROPERTIES: Final = 100
_STRICT_MOST_CHOICES: Final = 250
_STRICT_MOST_CHARACTERS: Final = 15_000
_JSON_AS_TEXT: Final = "JSON, as text."


def portable(schema: object, depth: int = 0) -> dict[str, Any]:
    """Return a schema in the keywords that Anthropic, MCP and OpenAI's non-strict mode all accept.

    They refuse `oneOf`, `anyOf`, `allOf`, `not` and `enum` at the top, `$ref`, an array without `items` and
    property names with other characters. What is left out, the service checks.

    Args:
        schema: The schema; the service may have sent anything.
        depth: How many objects and arrays it is inside of.
    """
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return {}
    made = {name: schema[name] for name in ("title", "description", "format") if _is_text(schema.get(name))}
    given = schema.get("type")
    listed = [kind for kind in (given if isinstance(given, list) else [given]) if kind in _TYPES]
    kinds = list(dict.fromkeys(listed))
    if kinds:
        made["type"] = kinds if len(kinds) > 1 else kinds[0]
    if isinstance(choices := schema.get("enum"), list) and choices:
        made["enum"] = choices
    if "array" in kinds:
        made["items"] = portable(schema.get("items"), depth + 1)
    properties = schema.get("properties")
    if "object" in kinds and isinstance(properties, Mapping) and all(map(_is_property_name, properties)):
        required = schema.get("required")
        made["properties"] = {name: portable(each, depth + 1) for name, each in properties.items()}
        made["required"] = [name for name in properties if isinstance(required, list) and name in required]
        if schema.get("additionalProperties") is False:
            made["additionalProperties"] = False
    return made


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_property_name(name: object) -> bool:
    return isinstance(name, str) and _PROPERTY_NAME.fullmatch(name) is not None


def strict(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a schema for OpenAI's strict mode, or `None` if that cannot express it.

    Strict mode requires every property, and takes one type each: an optional one may be null.
    """
    properties, required = schema["properties"], schema["required"]
    made = {name: _strict_value(each, name in required) for name, each in properties.items()}
    choices = [each for value in made.values() if value for each in value.get("enum", ())]
    if (
        schema.get("additionalProperties") is not False
        or not all(made.values())
        or len(made) > _STRICT_MOST_PROPERTIES
        or len(choices) > _STRICT_MOST_CHOICES
        or sum(map(len, map(str, [*made, *choices]))) > _STRICT_MOST_CHARACTERS
    ):
        return None
    return {"type": "object", "properties": made, "required": list(made), "additionalProperties": False}


def _strict_value(schema: Mapping[str, Any], required: bool) -> dict[str, Any] | None:  # noqa: FBT001
    value = _plain_value(schema)
    if value["type"] not in _SCALARS or _first_type(schema) not in _SCALARS:
        return None
    if schema.get("format") in _STRICT_FORMATS:
        value["format"] = schema["format"]
    if not required:
        value |= {"type": [value["type"], "null"]}
        value |= {"enum": [*value["enum"], None]} if "enum" in value else {}
    return value


def gemini(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a schema for Gemini's function declarations, or `None` for one without properties.

    Gemini refuses lists of types, formats that it does not know, choices that are not strings, objects
    without properties, and `additionalProperties`.
    """
    if not schema.get("properties"):
        return None
    properties = {name: _plain_value(each) for name, each in schema["properties"].items()}
    return {"type": "object", "properties": properties, **_nonempty("required", schema["required"])}


def _plain_value(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value's schema with one type and a description; what has no type is JSON as text."""
    kind, value = _first_type(schema), dict[str, Any]()
    words = [schema[name] for name in ("title", "description") if name in schema]
    if kind == "object" and (nested := gemini(schema)):
        value = nested
    elif kind == "array":
        value = {"type": "array", "items": _plain_value(schema["items"])}
    elif choices := plain_choices(schema):
        value = {"type": "string", "enum": list(choices)}
    elif kind in _SCALARS:
        value = {"type": kind}
    else:
        value, words = {"type": "string"}, [*words, _JSON_AS_TEXT]
    return {**value, **_nonempty("description", ". ".join(dict.fromkeys(words)).replace("..", "."))}


def _nonempty(name: str, value: Any) -> dict[str, Any]:
    return {name: value} if value else {}


def _first_type(schema: Mapping[str, Any]) -> str | None:
    """Return the type that is meant first, e.g. `number` of a number that may be written as text."""
    kind = schema.get("type")
    kinds = [each for each in kind if each != "null"] if isinstance(kind, list) else [kind]
    return kinds[0]


def plain_choices(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a choice by how the service's forms write them; none is empty."""
    values = [each for each in schema.get("enum", ()) if isinstance(each, str | int | float)]
    plain = {str(each).lower() if isinstance(each, bool) else str(each): each for each in values}
    return {text: value for text, value in plain.items() if text}


def as_meant(schema: Mapping[str, Any], value: Any) -> Any:
    """Return an argument in its schema's type: a model may have had to write it as text."""
    kinds = schema.get("type", ())
    if isinstance(value, str) and value in (choices := plain_choices(schema)):
        return choices[value]
    if isinstance(value, str) and "string" not in kinds:
        try:
            decoded = loads(value.encode())
        except (ValueError, RecursionError):
            return value
        value = decoded if kinds or isinstance(decoded, dict | list) else value
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {name: as_meant(known.get(name, {}), each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_meant(schema.get("items", {}), each) for each in value]
    return value


def definition(
    provider: Provider, name: str, description: str, schema: dict[str, Any], effect: Effect
) -> dict[str, Any]:
    """Return a tool with a portable schema as a provider of models expects it."""
    made: dict[str, Any] = {"name": name, "description": description}
    match provider:
        case "openai":  # a function tool of the Responses API
            fitting = strict(schema)
            made |= {"type": "function", "parameters": fitting or schema, "strict": fitting is not None}
        case "anthropic":
            made |= {"input_schema": schema}
        case "gemini":
            made |= _nonempty("parameters", gemini(schema))
        case "mcp":
            hints = {
                "readOnlyHint": effect == "read",
                "destructiveHint": effect != "read",
                "idempotentHint": effect != "write",
                "openWorldHint": True,
            }
            made |= {"inputSchema": schema, "annotations": hints}
    return made
