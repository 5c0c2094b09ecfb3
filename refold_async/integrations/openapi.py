"""What FastAPI cannot see by itself, added to an application's OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, get_type_hints

import msgspec
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError

from refold_async.integrations.starlette.lifespan import get_manager, get_refold
from refold_async.integrations.starlette.problems import HTTPProblem
from refold_async.integrations.starlette.responses import ActionResponse

_PROBLEMS: Final = {
    "409": "The customer must reconnect the app, or the state does not allow it",
    "429": "The connected app is rate limited",
    "502": "The outcome is unknown, or the service failed",
    "503": "Too many requests, or the service could not be reached",
    "504": "Deadline exceeded",
}
"""The statuses that `install` adds to those of the handlers themselves."""

_REFERENCE: Final = "#/components/schemas/{name}"


def document(app: Any) -> None:
    """Add the problems and the data of `ActionResponse[T]` to a FastAPI application's OpenAPI document."""
    generate: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _extend(generate(), app)
        return generate()

    app.openapi = openapi  # as FastAPI's documentation extends it


def _extend(document: dict[str, Any], app: FastAPI) -> None:
    _, definitions = msgspec.json.schema_components((HTTPProblem,), ref_template=_REFERENCE)
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    for route in app.routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        for operation in _operations(document, route):
            if _uses_the_client(route.dependant):
                schemas.update(definitions)
                _add_problems(operation)
            _add_model(operation, route, schemas)


def _operations(document: dict[str, Any], route: APIRoute) -> Iterator[dict[str, Any]]:
    path = document.get("paths", {}).get(route.path_format, {})
    yield from (path[method.lower()] for method in route.methods or () if method.lower() in path)


def _uses_the_client(dependant: Dependant) -> bool:
    called = dependant.call in {get_refold, get_manager}
    return called or any(map(_uses_the_client, dependant.dependencies))


def _add_problems(operation: dict[str, Any]) -> None:
    content = {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(name="HTTPProblem")}}}
    for status, description in _PROBLEMS.items():
        operation["responses"].setdefault(status, {"description": description, "content": content})


def _add_model(operation: dict[str, Any], route: APIRoute, schemas: dict[str, Any]) -> None:
    returned = get_type_hints(route.endpoint).get("return")
    if not (isinstance(returned, type) and issubclass(returned, ActionResponse)) or returned.model is None:
        return
    schema, definitions = _schema_of(returned.model)
    schemas.update(definitions)
    success = operation["responses"].setdefault(
        str(route.status_code or 200), {"description": "Successful Response"}
    )
    success["content"] = {"application/json": {"schema": schema}}


def _schema_of(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema of a type, by pydantic if that knows it, else by msgspec, and those it refers to."""
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(model)
    except PydanticSchemaGenerationError:
        (schema,), definitions = msgspec.json.schema_components((model,), ref_template=_REFERENCE)
        return schema, definitions
    template = _REFERENCE.replace("name", "model")
    found, all_of_them = TypeAdapter.json_schemas([("data", "serialization", adapter)], ref_template=template)
    return found["data", "serialization"], all_of_them.get("$defs", {})
