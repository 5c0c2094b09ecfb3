"""What all resources share: a requester, and loading on first use."""

from __future__ import annotations

from datetime import date, datetime
from importlib import import_module
from typing import Any, Generic, Self, TypeVar, overload

from refold_async._core.requester import Requester
from refold_async.errors import InvalidCallError

R_co = TypeVar("R_co", covariant=True)


class Resource:
    """Base class of resources: calls operations for one scope."""

    __slots__ = ("_requester",)

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._requester!r})"

    @property
    def _account_id(self) -> str:
        """The linked account that an API key calls for."""
        if self._requester.linked_account_id is None:
            raise InvalidCallError("this call needs a linked account; call it on refold.account(...)")
        return self._requester.linked_account_id


class Lazy(Generic[R_co]):
    """An attribute that holds a resource, whose module is imported on first use.

    It is declared in one line, `webhooks = Lazy["Webhooks"]("webhooks", "Webhooks")`, which type
    checkers read as an attribute of the class that the brackets name.

    Args:
        module: The resource's module in `refold_async.api`.
        name: The resource's class in it.
    """

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name
        self._attribute = ""
        self._loaded: type[Resource] | None = None

    def __set_name__(self, owner: type, attribute: str) -> None:
        self._attribute = attribute

    @overload
    def __get__(self, scope: None, owner: type) -> Self: ...
    @overload
    def __get__(self, scope: object, owner: type) -> R_co: ...
    def __get__(self, scope: Any, owner: type) -> Any:
        if scope is None:
            return self
        resource = self.load()(scope._requester)  # noqa: SLF001 - the scopes have one for this
        scope.__dict__[self._attribute] = resource
        return resource

    def load(self) -> type[Resource]:
        """Import the resource's class, once."""
        if self._loaded is None:
            loaded: type[Resource] = getattr(import_module(f"refold_async.api.{self.module}"), self.name)
            self._loaded = loaded
        return self._loaded


def given(**fields: object) -> dict[str, object]:
    """Return the fields of a body that were given: those that are not `None`."""
    return {name: value for name, value in fields.items() if value is not None}


def flag(value: bool | None) -> str | None:  # noqa: FBT001 - it is the value that is written
    """Format a flag for a header or query."""
    return None if value is None else str(value).lower()


def moment(name: str, value: datetime | None) -> str | None:
    """Format a time for a query.

    Raises:
        InvalidCallError: If it is not a datetime, or has no time zone.
    """
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise InvalidCallError(f"{name} must be a datetime, not {type(value).__name__}")
    if value.tzinfo is None:
        raise InvalidCallError(f"{name} needs a time zone: {value!r}")
    return value.isoformat()


def day(name: str, value: date | None) -> str | None:
    """Format a day as `YYYY-MM-DD`.

    Raises:
        InvalidCallError: If it is not a date.
    """
    if value is None:
        return None
    if not isinstance(value, date):
        raise InvalidCallError(f"{name} must be a date, not {type(value).__name__}")
    return f"{value:%Y-%m-%d}"
