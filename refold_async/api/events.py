"""Events: firing one of the organisation's own app, so that its workflows run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from refold_async._core.checks import check_mapping
from refold_async._core.encoding import encode
from refold_async._core.operation import Effect
from refold_async._core.uploads import FileLike, Upload
from refold_async.api import operations
from refold_async.api.common import ApiModel, Identified, Message
from refold_async.api.resource import Resource, given


class EventKey(ApiModel, frozen=True, kw_only=True):
    """A key that an event carries.

    Attributes:
        key: Its path, e.g. `payload.email`.
        type: Its type, e.g. `text`.
    """

    key: str | None = None
    type: str | None = None


class EventDefinition(Identified, frozen=True, kw_only=True):
    """An event that the organisation's own app can trigger.

    Attributes:
        name: The name it is triggered by.
        response: Its payload: the keys, or an example as a string.
        json_schema: The JSON Schema of its payload.
    """

    name: str | None = None
    response: list[EventKey] | str | None = None
    json_schema: dict[str, Any] | None = None


Definitions = list[EventDefinition]


class EventDefinitions(Resource):
    """The events that the organisation's own app can trigger: `refold.events`."""

    __slots__ = ()

    async def list(self, *, timeout: float | None = None) -> Definitions:
        """List the events.

        Calls `GET /api/v2/public/application/event`.

        Args:
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
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
            name: The name it is triggered by.
            response: An example of its payload, as a JSON string.
            json_schema: The JSON Schema of its payload.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            All events, with the new one.

        Raises:
            RefoldError: If the call fails.
        """
        check_mapping("json_schema", json_schema, optional=True)
        body = given(name=name, response=response, json_schema=json_schema)
        return await self._requester.call(operations.EVENTS_CREATE, Definitions, body=body, timeout=timeout)

    async def get(self, event_id: str, *, timeout: float | None = None) -> EventDefinition:
        """Fetch an event.

        Calls `GET /api/v2/public/application/event/{event_id}`.

        Args:
            event_id: The event's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such event.
            RefoldError: If the call fails in any other way.
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
        """Redefine an event.

        Calls `PUT /api/v2/public/application/event/{event_id}`.

        Args:
            event_id: The event's id.
            name: The name it is triggered by.
            response: An example of its payload, as a JSON string.
            json_schema: The JSON Schema of its payload.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            All events.

        Raises:
            NotFoundError: If there is no such event.
            RefoldError: If the call fails in any other way.
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
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The events that are left.

        Raises:
            NotFoundError: If there is no such event.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.EVENTS_DELETE, Definitions, event_id, timeout=timeout)


class Events(Resource):
    """Triggering events for one customer: `account.events`."""

    __slots__ = ()

    async def trigger(
        self,
        event: str,
        payload: object | UnsetType = UNSET,
        *,
        slug: str | None = None,
        files: Mapping[str, FileLike] | None = None,
        config_id: str | None = None,
        instance_tag: str | None = None,
        effect: Effect | None = None,
        timeout: float | None = None,
    ) -> Message:
        """Trigger an event; it starts the workflows that listen for it, without waiting for them.

        Calls `POST /api/v2/public/event/trigger`, or for a named app
        `POST /api/v2/public/event/{slug}`. Files are streamed, and never read into memory whole.

        Args:
            event: The event's name.
            payload: Its payload: any JSON value, `None` included; default: no payload.
            slug: The app whose event it is; default: the organisation's own.
            files: Files to send along, by the names that they get in the payload: paths, binary
                file objects, bytes, or `File`s.
            config_id: The config that the workflows run under; default: the customer's own.
            instance_tag: A tag for the executions.
            effect: What firing it twice does: `"idempotent"` if the workflow drops repeats of a
                key in the payload.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            InvalidCallError: If a file cannot be read.
            NotFoundError: If there is no such event.
            RefoldError: If the call fails in any other way; see its `fate`.
        """
        fields = {"event": event} if payload is UNSET else {"event": event, "payload": payload}
        path = () if slug is None else (slug,)
        return await self._requester.call(
            operations.EVENTS_TRIGGER if slug is None else operations.EVENTS_TRIGGER_OF_APP,
            Message,
            *path,
            headers={"config_id": config_id, "instance_tag": instance_tag},
            body=fields if files is None else _upload(event, payload, files),
            effect=effect,
            timeout=timeout,
        )


def _upload(event: str, payload: object, files: Mapping[str, FileLike]) -> Upload:
    check_mapping("files", files)
    fields = {"event": event}
    if payload is not UNSET:
        fields["payload"] = encode(payload, "payload").decode()
    return Upload.of(fields, files)
