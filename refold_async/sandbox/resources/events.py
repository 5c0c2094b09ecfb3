"""Events: what the organisation's own application tells Refold of, and the workflows that it starts."""

import time
from collections.abc import Mapping

import msgspec

from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.replies import envelope
from refold_async.sandbox.resources import running
from refold_async.sandbox.resources.documents import Document, Documents, without
from refold_async.sandbox.resources.executions import Executions
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.seeds import load_seeds
from refold_async.sandbox.resources.workflows import Workflow, Workflows
from refold_async.sandbox.state import Account, Organisation
from refold_async.sandbox.world import World

REPEAT_SECONDS = 300.0
"""For how long a repeat with the same key is dropped."""


class Events(Documents):
    """The event definitions of an organisation, and the keys that it has seen of late.

    A definition may name a ``deduplication_key``, the dotted path of the payload's field by which two
    events are the same one. The reference leaves open where the key is set; the name is the sandbox's.
    """

    def __init__(self, organisation: Organisation) -> None:
        missing = envelope(404, "Event not found", code="RESOURCE_NOT_FOUND", code_field="error")
        super().__init__(organisation, missing)
        self._seen: dict[tuple[str, str, str], float] = {}
        for seed in load_seeds().events:
            fields = {"name": seed.name, "response": keys_of(seed.sample)}
            self.add(fields, object_id(organisation.seed, "event", seed.name))

    def named(self, name: str) -> Document:
        """The definition of an event; refuses an unknown name."""
        for definition in self:
            if definition["name"] == name:
                return definition
        raise refused(404, "Trigger not found", "INVALID_EVENT")

    def is_repeat(self, definition: Document, account: Account, payload: object) -> bool:
        """Whether the account sent an event of the same key within five minutes; notes this one."""
        path = definition.get("deduplication_key")
        value = _at(payload, str(path)) if path else None
        if value is None:
            return False
        moment = time.monotonic()
        self._seen = {key: at for key, at in self._seen.items() if at > moment - REPEAT_SECONDS}
        key = (account.account_id, str(definition["_id"]), msgspec.json.encode(value).decode())
        if key in self._seen:
            return True
        self._seen[key] = moment
        return False


def fire(
    world: World,
    account: Account,
    name: str,
    payload: object,
    *,
    slug: str | None = None,
    config_id: str | None = None,
    tag: str | None = None,
) -> None:
    """Start every workflow that waits for an event, unless it is a repeat."""
    events = account.organisation.own(Events)
    definition = events.named(name)
    workflows = [each for each in _waiting(account, name) if slug in (None, each.slug)]
    for workflow in workflows:
        running.check_nodes(workflow.document)
    if events.is_repeat(definition, account, payload):
        return
    for workflow in workflows:
        execution = account.own(Executions).create(
            workflow.document, payload, "Event", config_id=config_id, tag=tag
        )
        running.start(world, execution)


def show_event(definition: Document) -> Document:
    """A definition as the API shows it."""
    return without(definition, "createdAt", "updatedAt")


def keys_of(sample: object, prefix: str = "") -> list[Document]:
    """The keys of a sample payload with their types, those of inner objects after their own."""
    if not isinstance(sample, Mapping):
        return []
    found: list[Document] = []
    for name, value in sample.items():
        found.append({"key": f"{prefix}{name}", "type": _type_of(value)})
        found += keys_of(value, f"{prefix}{name}.")
    return found


def _waiting(account: Account, name: str) -> list[Workflow]:
    workflows = account.organisation.own(Workflows)
    return [
        each
        for each in workflows
        if each.event == name and each.document["published"] and each.is_for(account)
    ]


def _at(payload: object, path: str) -> object:
    for name in path.split("."):
        payload = payload.get(name) if isinstance(payload, Mapping) else None
    return payload


def _type_of(value: object) -> str:
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "text"
