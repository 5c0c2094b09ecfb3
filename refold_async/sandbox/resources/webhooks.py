"""Webhooks: the registered endpoints, and the events they are told of."""

from collections.abc import Mapping
from email.utils import formatdate

from refold_async.sandbox.replies import envelope
from refold_async.sandbox.resources.documents import Document, Documents
from refold_async.sandbox.resources.posting import Delivery, Outbox
from refold_async.sandbox.state import Account, Organisation
from refold_async.sandbox.world import World

CONNECTION_EVENTS = ("Connection Created", "Connection Deleted", "Connection Expired")
WORKFLOW_EVENTS = ("Workflow Completed", "Workflow Errored")
EVENTS = (*CONNECTION_EVENTS, *WORKFLOW_EVENTS)

WEBHOOK_MISSING = envelope(400, "Webhook not found", code="RESOURCE_NOT_FOUND", code_field="error")


class Webhooks(Documents):
    """The webhooks of an organisation, and what was sent to them."""

    def __init__(self, organisation: Organisation) -> None:
        super().__init__(organisation, WEBHOOK_MISSING)
        self.outbox = Outbox()


def announce_connection(world: World, account: Account, event: str, slug: str) -> list[Delivery]:
    """Tell the webhooks that a connection was created, deleted or has expired."""
    body = {**_origin(account), "type": "General", "event": event, "slug": slug}
    return announce(world, account.organisation, {**body, "createdAt": formatdate(usegmt=True)})


def announce_workflow(
    world: World, account: Account, event: str, fields: Mapping[str, object]
) -> list[Delivery]:
    """Tell the webhooks how an execution ended."""
    return announce(world, account.organisation, {**_origin(account), "event": event, **fields})


def announce(world: World, organisation: Organisation, body: Mapping[str, object]) -> list[Delivery]:
    """Send a body to every enabled webhook that wants its event, and to those alone."""
    webhooks = organisation.own(Webhooks)
    return [
        webhooks.outbox.send(world.background, webhook, body, world.api_keys[0])
        for webhook in webhooks
        if _wants(webhook, body)
    ]


def _wants(webhook: Document, body: Mapping[str, object]) -> bool:
    events, workflow_ids = webhook["webhook_events"], webhook["workflow_ids"]
    if not webhook["is_enabled"] or not isinstance(events, list) or body["event"] not in events:
        return False
    slug_fits = webhook.get("slug") in (None, "", body.get("slug"))
    listed = isinstance(workflow_ids, list) and body.get("workflow_id") in workflow_ids
    return slug_fits and (not workflow_ids or listed or body["event"] not in WORKFLOW_EVENTS)


def _origin(account: Account) -> Document:
    organisation = account.organisation
    return {
        "linked_account_id": account.account_id,
        "org_id": organisation.id,
        "environment": organisation.environment,
    }
