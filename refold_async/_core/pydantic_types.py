"""pydantic, for programs that use it: nothing here imports it before they do."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Annotated, Any, Final, get_args, get_origin

import msgspec

from refold_async._core.lenient_json import repair
from refold_async.errors import UnreadableReplyError

_DEFINITIONS: Final = "#/$defs/"


def adapter_of(kind: Any) -> Any:
    """Return pydantic's `TypeAdapter` of a type that contains one of its models, or `None`."""
    # A type that contains a model exists only after its program has imported pydantic.
    return _adapter(kind) if "pydantic" in sys.modules else None


@lru_cache(maxsize=512)
def _adapter(kind: Any) -> Any:
    if not _contains_model(kind):
        return None
    from pydantic import TypeAdapter  # noqa: PLC0415 - the caller has imported it

    return TypeAdapter(kind)


def _contains_model(kind: Any) -> bool:
    # Models and pydantic's dataclasses have a schema; the SDK's structs only say how to make one.
    return hasattr(kind, "__pydantic_core_schema__") or any(map(_contains_model, get_args(kind)))


def decode_model(adapter: Any, body: bytes) -> Any:
    """Decode JSON with a `TypeAdapter`.

    Raises:
        UnreadableReplyError: If the JSON does not fit the type; the message says where.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - the caller has imported it

    try:
        try:
            return adapter.validate_json(body)
        except ValidationError as error:
            if error.errors(include_input=False, include_url=False)[0]["type"] != "json_invalid":
                raise
            return adapter.validate_json(repair(body))  # e.g. a lone surrogate, which only JSON allows
    except ValidationError as error:
        message = f"the data does not fit {error.title}: {_first_of(error)}"
    raise UnreadableReplyError(message, fate="unknown")


def _first_of(error: Any) -> str:
    """Describe the first of pydantic's complaints, as msgspec words them; never with the value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    more = f", and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return f"{first['msg'].lower()} - at `${path}`{more}"


def struct_schema(source: Any, handler: Any) -> Any:
    """Return pydantic's core schema of a struct: an instance passes, JSON's types are converted.

    Args:
        source: The struct, or one with its parameters, e.g. `Page[Action]`.
        handler: What pydantic passes to `__get_pydantic_core_schema__`.
    """
    from pydantic import PlainSerializer, PlainValidator, WithJsonSchema  # noqa: PLC0415 - pydantic asks for it

    struct = get_origin(source) or source

    def convert(value: Any) -> Any:
        # msgspec's ValidationError is a ValueError, which pydantic reports with its path.
        return value if isinstance(value, struct) else msgspec.convert(value, source)

    return handler.generate_schema(
        Annotated[
            Any,
            PlainValidator(convert),
            PlainSerializer(msgspec.to_builtins),
            WithJsonSchema(json_schema_of(source)),
        ]
    )


def result_schema(result: type, handler: Any) -> Any:
    """Return pydantic's core schema of a result, which is written as its data: any JSON."""
    from pydantic import PlainSerializer, PlainValidator, WithJsonSchema  # noqa: PLC0415 - pydantic asks for it

    def check(value: Any) -> Any:
        if not isinstance(value, result):
            raise ValueError(f"must be a result of `execute`, not {type(value).__name__}")  # noqa: TRY004 - for pydantic
        return value

    written = PlainSerializer(lambda value: value.data)
    return handler.generate_schema(Annotated[Any, PlainValidator(check), written, WithJsonSchema({})])


def json_schema_of(source: Any) -> dict[str, Any]:
    """Return the JSON Schema of a struct, without references to definitions."""
    schema = msgspec.json.schema(source)
    definitions: dict[str, Any] = schema.pop("$defs", {})
    inlined: dict[str, Any] = _inline(schema, definitions, ())
    return inlined


def _inline(node: Any, definitions: dict[str, Any], within: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions, within) for item in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).removeprefix(_DEFINITIONS)
    if not name:
        inlined = {key: _inline(value, definitions, within) for key, value in node.items()}
        if isinstance(summary := inlined.get("description"), str):
            inlined["description"] = summary.partition("\n")[0]  # not the docstring's list of attributes
        return inlined
    if name in within:  # a type that contains itself cannot be written out
        return {"type": "object"}
    return _inline(definitions[name], definitions, (*within, name))
