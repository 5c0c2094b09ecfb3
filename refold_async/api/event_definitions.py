"""Event definitions: the events that the organisation's own app can fire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from refold_async._core.checks import check_mapping
from refold_async.api import operations
from refold_async.api.common import Identified
from refold_async.api.resource import Resource, given


class EventKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that an event carries.

    Attributes:
        key: Its path, as `payload.email`.
        type: Its type, as `text`.
    """

    key: str | None = None
    type: str | None = None


class EventDefinition(Identified, frozen=True, kw_only=True):
    """An event that the organisation's own app can fire.

    Attributes:
        name: What it is fired by.
        response: What it carries: its keys, or an example as a text.
        json_schema: The JSON Schema of its payload.
    """

    name: str | None = None
    response: list[EventKey] | str | None = None
    json_schema: dict[str, Any] | None = None


Definitions = list[EventDefinition]


class EventDefinitions(Resource):
    """The events that the organisation's own app can fire: `refold.events`."""

    __slots__ = ()

    async def list(self, *, timeout: float | None = None) -> Definitions:
        """List the events.

        Calls `GET /api/v2/public/application/event`.

        Args:
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            RefoldError: Any failure of a call.
        """
        return await self._requester.call(operations.EVENTS_LIST, Definitions, timeout=timeout)

    async def create(
        self,
        name: str,
        response: str,
        *,
        json_schema: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> Definitions:
        """Define an event.

        Calls `POST /api/v2/public/application/event`.

        Args:
            name: What it is fired by.
            response: An example of what it carries, as a text of JSON.
            json_schema: The JSON Schema of its payload.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Returns:
            All events, with the new one.

        Raises:
            RefoldError: Any failure of a call.
        """
        check_mapping("json_schema", json_schema, optional=True)
        body = given(name=name, response=response, json_schema=json_schema)
        return await self._requester.call(operations.EVENTS_CREATE, Definitions, body=body, timeout=timeout)

    async def get(self, event_id: str, *, timeout: float | None = None) -> EventDefinition:
        """Fetch an event.

        Calls `GET /api/v2/public/application/event/{event_id}`.

        Args:
            event_id: The event's id.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            NotFoundError: There is no such event.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(operations.EVENTS_GET, EventDefinition, event_id, timeout=timeout)

    async def update(
        self,
        event_id: str,
        name: str,
        response: str,
        *,
        json_schema: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> Definitions:
        """Define an event anew.

        Calls `PUT /api/v2/public/application/event/{event_id}`.

        Args:
            event_id: The event's id.
            name: What it is fired by.
            response: An example of what it carries, as a text of JSON.
            json_schema: The JSON Schema of its payload.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Returns:
            All events.

        Raises:
            NotFoundError: There is no such event.
            RefoldError: Any other failure of a call.
        """
        check_mapping("json_schema", json_schema, optional=True)
        body = given(name=name, response=response, json_schema=json_schema)
        return await self._requester.call(
            operations.EVENTS_UPDATE, Definitions, event_id, body=body, timeout=timeout
        )

    async def delete(self, event_id: str, *, timeout: float | None = None) -> Definitions:
        """Delete an event.

        Calls `DELETE /api/v2/public/application/event/{event_id}`.

        Args:
            event_id: The event's id.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Returns:
            The events that are left.

        Raises:
            NotFoundError: There is no such event.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(operations.EVENTS_DELETE, Definitions, event_id, timeout=timeout)
