"""Results whose data has a type: what modules written by `refold codegen` return."""

from __future__ import annotations

import threading
from importlib import import_module
from importlib.util import module_from_spec
from types import ModuleType, UnionType
from typing import Any, Final, Generic, TypeVar, Union, cast, get_args, get_origin

import msgspec

from refold_async._core.decoding import convert_leniently, decode_any
from refold_async.errors import UnreadableReplyError
from refold_async.results import ActionResult, of_call, restored

T = TypeVar("T")

NULL: Final = msgspec.Raw(b"null")
"""JSON's null as a parameter of a generated method, which leaves `None` out."""


class TypedResult(ActionResult, Generic[T]):
    """An `ActionResult` whose `data` is decoded into a type.

    A field that is absent has its default, an unknown one is skipped, and one of another type keeps the
    value that came: no response is lost for one odd field.

    Args:
        result: The result of a call or of a batch's `Done`.
        kind: The type, or its place as `"module:name"`, which is imported when `data` is first read.

    Attributes:
        node_status: How the action ended.
        http_status: The connected app's own HTTP status, if the service says.
        raw: The data's JSON as it came.
    """

    __slots__ = ("_kind",)

    def __init__(self, result: ActionResult, kind: type[T] | str) -> None:
        super().__init__(result.node_status, result.http_status, result.raw)
        self._kind = kind
        if result._call is not None:  # noqa: SLF001 - the errors of its data name the call
            of_call(self, result._call)  # noqa: SLF001

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored_typed, (*self._key(), self._kind)

    @property
    def data(self) -> T:
        """The data, decoded at the first use.

        Raises:
            UnreadableReplyError: If the data is not JSON. The action itself was done.
        """
        if self._data is msgspec.UNSET:
            kind = _named(self._kind) if isinstance(self._kind, str) else self._kind
            try:
                self._data = _read(kind, self.raw)
            except UnreadableReplyError as error:
                self._describe(error)
                raise
        return cast("T", self._data)


def _restored_typed(node_status: str, http_status: int | None, raw: bytes, kind: Any) -> TypedResult[Any]:
    return TypedResult(restored(node_status, http_status, raw), kind)


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _read(kind: Any, raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        value = decode_any(memoryview(raw))
    return convert_leniently(kind, _without_nulls(kind, value))


def _without_nulls(kind: Any, value: Any) -> Any:
    """Drop the nulls of fields that take none, which then have their defaults."""
    for part in _parts_of(kind):
        if isinstance(value, list) and get_origin(part) is list:
            return [_without_nulls(get_args(part)[0], item) for item in value]
        if isinstance(value, dict) and get_origin(part) is dict:
            return {key: _without_nulls(get_args(part)[1], item) for key, item in value.items()}
        if isinstance(value, dict) and isinstance(part, type) and issubclass(part, msgspec.Struct):
            kinds = {field.encode_name: field.type for field in msgspec.structs.fields(part)}
            return {
                key: _without_nulls(kinds.get(key, Any), item)
                for key, item in value.items()
                if item is not None or type(None) in _parts_of(kinds.get(key, type(None)))
            }
    return value


def _parts_of(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


_WANTED: Final = "__refold_structs_wanted__"


def structs_wanted(module: dict[str, Any]) -> bool:
    """Return whether a generated module should define its structs now.

    Creating a struct takes longer than importing ten functions, and most programs use few. So the module is
    imported without them, and executed a second time when the first of them is used.

    Args:
        module: The module's `globals()`.
    """
    if _WANTED in module or module.get("__spec__") is None:  # a script, which nobody imports from
        return True
    module["__getattr__"] = _Structs(module)
    return False


class _Structs:
    """The `__getattr__` of a generated module, see PEP 562."""

    def __init__(self, module: dict[str, Any]) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._defined = False

    def __call__(self, name: str) -> Any:
        # Names such as `__path__` and `__wrapped__` are asked of every module.
        if not name.startswith("_"):
            with self._lock:
                self._define()
            if name in self._module:
                return self._module[name]
        raise AttributeError(f"module {self._module['__name__']!r} has no attribute {name!r}")

    def _define(self) -> None:
        if self._defined:
            return
        spec = self._module["__spec__"]
        again: ModuleType = module_from_spec(spec)
        vars(again)[_WANTED] = True
        spec.loader.exec_module(again)
        for name, value in vars(again).items():
            if name != _WANTED:
                self._module.setdefault(name, value)  # what is there stays: somebody may hold it
        self._defined = True
