"""What each provider documents of a tool's definition, as a table, and a check of a definition against it."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import jsonschema

SCALARS = frozenset({"string", "number", "integer", "boolean"})
TYPES = SCALARS | {"array", "object"}
COMPOSITION = frozenset({"oneOf", "anyOf", "allOf", "not"})
REFERENCES = frozenset({"$ref", "$defs", "$schema", "$id"})


class Subset(NamedTuple):
    """What a provider accepts.

    Attributes:
        source: The page that says so.
        fields: The fields of a definition; those in `optional` may be absent.
        optional: See `fields`.
        schema: The field that holds the schema.
        name: The names that a tool may have.
        property_name: The names that a property may have.
        keywords: The keywords that a schema may have; `None` for all of JSON Schema but `refused`.
        refused: Keywords that no schema may have.
        refused_at_top: Keywords that the outermost schema may not have.
        type_lists: Whether `type` may be a list: `"any"`, `"null"` for one type and null, or `"no"`.
        typed: Whether each schema must have a type.
        string_choices: Whether each choice must be a string that is not empty, of type string.
        full_objects: Whether an object must have properties.
        all_required: Whether each property must be required, and others forbidden.
        formats: The formats of strings that are known; `None` for any.
    """

    source: str
    fields: frozenset[str]
    optional: frozenset[str]
    schema: str
    name: str
    property_name: str = r"[^\0]+"
    keywords: frozenset[str] | None = None
    refused: frozenset[str] = REFERENCES
    refused_at_top: frozenset[str] = frozenset()
    type_lists: str = "any"
    typed: bool = False
    string_choices: bool = False
    full_objects: bool = False
    all_required: bool = False
    formats: frozenset[str] | None = None


MOST_DESCRIPTION = 1024
"""Of a function's description, which OpenAI and those who forward to it have refused when longer."""

SUBSETS = {
    "openai": Subset(
        source="https://platform.openai.com/docs/guides/function-calling",
        fields=frozenset({"type", "name", "description", "parameters", "strict"}),
        optional=frozenset(),
        schema="parameters",
        name=r"[a-zA-Z0-9_-]{1,64}",
        refused_at_top=COMPOSITION | {"enum"},
    ),
    "openai strict": Subset(
        source="https://platform.openai.com/docs/guides/structured-outputs#supported-schemas",
        fields=frozenset({"type", "name", "description", "parameters", "strict"}),
        optional=frozenset(),
        schema="parameters",
        name=r"[a-zA-Z0-9_-]{1,64}",
        keywords=frozenset(
            {
                *("type", "title", "description", "enum", "properties", "required", "additionalProperties"),
                *("anyOf", "items", "format", "pattern", "const", "minItems", "maxItems"),
                *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
            }
        ),
        refused_at_top=COMPOSITION | {"enum"},
        type_lists="null",
        typed=True,
        all_required=True,
        formats=frozenset(
            {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
        ),
    ),
    "anthropic": Subset(
        source="https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use",
        fields=frozenset({"name", "description", "input_schema"}),
        optional=frozenset(),
        schema="input_schema",
        name=r"[a-zA-Z0-9_-]{1,64}",
        property_name=r"[a-zA-Z0-9_.-]{1,64}",
        refused_at_top=frozenset({"oneOf", "anyOf", "allOf"}),
    ),
    "gemini": Subset(
        source="https://ai.google.dev/api/caching#Schema",
        fields=frozenset({"name", "description", "parameters"}),
        optional=frozenset({"parameters"}),
        schema="parameters",
        name=r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}",
        keywords=frozenset(
            {
                *("type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems"),
                *("properties", "required", "propertyOrdering", "anyOf", "minimum", "maximum"),
            }
        ),
        type_lists="no",
        typed=True,
        string_choices=True,
        full_objects=True,
        formats=frozenset({"enum", "date-time"}),
    ),
    "mcp": Subset(
        source="https://modelcontextprotocol.io/specification/2025-11-25/server/tools",
        fields=frozenset({"name", "description", "inputSchema", "annotations"}),
        optional=frozenset(),
        schema="inputSchema",
        name=r"[A-Za-z0-9_.-]{1,128}",
    ),
}  # fmt: skip


def check_definition(provider: str, made: dict[str, Any]) -> None:
    """Fail unless a definition is in what its provider documents."""
    subset = SUBSETS["openai strict" if made.get("strict") else provider]
    assert subset.fields - subset.optional <= set(made) <= subset.fields
    assert re.fullmatch(subset.name, made["name"])
    assert 0 < len(made["description"]) <= MOST_DESCRIPTION
    if subset.schema not in made:
        return
    schema = made[subset.schema]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert not subset.refused_at_top & set(schema)
    for each in nodes(schema):
        check_node(subset, each)
    if subset.all_required:
        check_strict_limits(schema)


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and those inside it."""
    yield schema
    for each in schema.get("properties", {}).values():
        yield from nodes(each)
    if "items" in schema:
        yield from nodes(schema["items"])


def check_node(subset: Subset, schema: dict[str, Any]) -> None:
    """Fail unless one schema, without those inside it, is in a subset."""
    assert not subset.refused & set(schema)
    assert subset.keywords is None or set(schema) <= subset.keywords
    kinds = schema.get("type", [])
    given, kinds = kinds, [kinds] if isinstance(kinds, str) else kinds
    assert set(kinds) <= TYPES | {"null"}
    assert kinds or not subset.typed
    if isinstance(given, list) and subset.type_lists != "any":
        assert subset.type_lists == "null"
        assert len([kind for kind in kinds if kind != "null"]) <= 1
    assert ("array" in kinds) == ("items" in schema)
    assert all(re.fullmatch(subset.property_name, name) for name in schema.get("properties", {}))
    assert set(schema.get("required", [])) <= set(schema.get("properties", {}))
    if subset.string_choices and "enum" in schema:
        assert kinds == ["string"]
        assert all(isinstance(value, str) and value for value in schema["enum"])
    assert not subset.full_objects or "object" not in kinds or schema.get("properties")
    if subset.all_required and "object" in kinds:
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
    assert subset.formats is None or schema.get("format", "date-time") in subset.formats


def check_strict_limits(schema: dict[str, Any]) -> None:
    """Fail if a schema is larger than OpenAI's strict mode allows."""
    properties = [name for each in nodes(schema) for name in each.get("properties", {})]
    choices = [[str(value) for value in each.get("enum", [])] for each in nodes(schema)]
    assert len(properties) <= 5000
    assert sum(map(len, choices)) <= 1000
    assert all(len(each) <= 250 or sum(map(len, each)) <= 15_000 for each in choices)
    assert sum(map(len, [*properties, *(value for each in choices for value in each)])) <= 120_000
