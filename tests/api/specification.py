"""Checks requests against the OpenAPI document of the reference."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from tests.reference import AVAILABLE, FOLDER

from .recorder import Arrived, shape
from .sample import NOTHING

Schema = Mapping[str, Any]


@cache
def load() -> dict[str, Any]:
    """Return the OpenAPI document, or an empty one if the reference is absent."""
    import yaml

    if not AVAILABLE:
        return {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, Any] = yaml.load((FOLDER / "openapi.yaml").read_text("utf-8"), Loader=loader)
    return loaded


def operations() -> Iterator[tuple[str, str, Schema]]:
    """Yield the method, path and description of each operation."""
    for path, methods in load()["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield method.upper(), path, operation


def resolve(schema: Schema) -> Schema:
    """Follow a reference."""
    while "$ref" in schema:
        found: Any = load()
        for key in schema["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        schema = found
    return schema


def parameters(operation: Schema) -> list[Schema]:
    """Return an operation's parameters."""
    return [resolve(each) for each in operation.get("parameters", [])]


def faults(arrived: Arrived) -> list[str]:
    """Describe how a request violates the specification; return nothing if the reference is absent."""
    if not load():
        return []
    row = arrived.row
    operation = next(o for m, p, o in operations() if (m, shape(p)) == (row["method"], shape(row["path"])))
    return [*_parameter_faults(arrived, operation), *_body_faults(arrived, operation)]


def _parameter_faults(arrived: Arrived, operation: Schema) -> Iterator[str]:
    known = {(each["in"], each["name"]): each for each in parameters(operation)}
    values = {"query": arrived.query, "header": arrived.headers}
    for (where, name), each in known.items():
        if where == "path":
            continue
        if name in values[where]:
            yield from schema_faults(each["schema"], _typed(each["schema"], values[where][name]), name)
        elif each.get("required") and not (
            name == "linked_account_id" and "Authorization" in arrived.headers
        ):
            yield f"{where} {name}: missing"
    open_query = "vary per integration" in operation.get("description", "")
    for name in arrived.query:
        if ("query", name) not in known and not open_query:
            yield f"query {name}: unknown"


def _typed(schema: Schema, value: str) -> object:
    return int(value) if resolve(schema).get("type") == "integer" and value.isdigit() else value


def _body_faults(arrived: Arrived, operation: Schema) -> Iterator[str]:
    described = resolve(operation.get("requestBody") or {})
    if not described:
        if arrived.body is not NOTHING:
            yield "body: none is taken"
        return
    if arrived.form:
        return
    if arrived.body is NOTHING:
        if described.get("required"):
            yield "body: missing"
        return
    yield from schema_faults(described["content"]["application/json"]["schema"], arrived.body, "body")


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def schema_faults(schema: Schema, value: Any, place: str) -> Iterator[str]:
    """Describe how a value violates a schema."""
    schema = resolve(schema)
    if value is None and (schema.get("nullable") or "type" not in schema):
        return
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (kind != "boolean" and isinstance(value, bool))):
        yield f"{place}: {value!r} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of {schema['enum']}"
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices and all(list(schema_faults(each, value, place)) for each in choices):
        yield f"{place}: fits no choice"
    if isinstance(value, dict):
        yield from _object_faults(schema, value, place)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from schema_faults(schema["items"], item, f"{place}[{index}]")


def _object_faults(schema: Schema, value: dict[str, Any], place: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties", not properties)
    for name in schema.get("required", []):
        if name not in value:
            yield f"{place}.{name}: missing"
    for name, item in value.items():
        if name in properties:
            yield from schema_faults(properties[name], item, f"{place}.{name}")
        elif isinstance(extra, dict):
            yield from schema_faults(extra, item, f"{place}.{name}")
        elif not extra:
            yield f"{place}.{name}: unknown"
