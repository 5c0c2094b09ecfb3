"""The example bodies and schemas of the API reference."""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

import yaml

from tests.reference import FOLDER


@cache
def examples() -> list[dict[str, Any]]:
    """Return the example bodies of the reference, or none if it is absent."""
    file = FOLDER / "examples.json"
    return json.loads(file.read_text()) if file.exists() else []


@cache
def specification() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((FOLDER / "openapi.yaml").read_text(), yaml.CSafeLoader)
    return loaded


def example(method: str, path: str, status: int, note: str = "") -> Any:
    [body] = [
        each["body"]
        for each in examples()
        if (each["method"], each["path"], each["status"], each.get("note") or "")
        == (method, path, status, note)
    ]
    return body


def without_ids(body: Any) -> Any:
    """Return the body without the organisation's id, which differs from the documented one."""
    return json.loads(re.sub(r"for org [0-9a-f]{24}", "for org ORG", json.dumps(body)))


def response_schema(method: str, path: str, status: int) -> dict[str, Any] | None:
    """Return the JSON schema of a response with its components, or `None` if none is specified."""
    responses = specification()["paths"][path][method.lower()]["responses"]
    content = responses.get(str(status), {}).get("content")
    if not content:
        return None
    components = with_nulls(specification()["components"])
    return {"allOf": [with_nulls(content["application/json"]["schema"])], "components": components}


def with_nulls(schema: Any) -> Any:
    """Return an OpenAPI 3.0 schema as JSON Schema: `nullable` becomes a type."""
    if isinstance(schema, list):
        return [with_nulls(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: with_nulls(value) for name, value in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") else plain


def property_names(schema: Any) -> Iterator[str]:
    """Yield the names of all properties in a part of the specification, at any depth."""
    if isinstance(schema, list):
        for each in schema:
            yield from property_names(each)
    elif isinstance(schema, dict):
        for name, value in schema.items():
            if name == "properties":
                yield from value
                yield from property_names(list(value.values()))
            else:
                yield from property_names(value)


FREE = {"data", "identifier", "latest_output", "return_value", "form_structure", "payload"}
"""Fields whose values come from an app, a form or a workflow and have no documented schema."""


def names_in(body: Any) -> set[str]:
    """Return the names of all fields in a body, at any depth outside the undocumented values."""
    if isinstance(body, list):
        return set().union(*map(names_in, body))
    if isinstance(body, dict):
        return set(body).union(*(names_in(value) for name, value in body.items() if name not in FREE))
    return set()


def differences(shown: Any, given: Any, place: str = "") -> list[str]:
    """Return the paths at which a body lacks documented fields, or has other types."""
    if shown is None:
        return []
    if isinstance(shown, dict) and isinstance(given, dict):
        lacking = [f"{place}.{name} is absent" for name in shown if name not in given]
        inner = [
            differences(value, given[name], f"{place}.{name}")
            for name, value in shown.items()
            if name in given
        ]
        return [*lacking, *chain.from_iterable(inner)]
    if isinstance(shown, list) and isinstance(given, list):
        if shown and not given:
            return [f"{place} is empty"]
        return list(chain.from_iterable(differences(shown[0], each, f"{place}[]") for each in given if shown))
    return [] if type(shown) is type(given) else [f"{place} is {given!r}, not like {shown!r}"]
