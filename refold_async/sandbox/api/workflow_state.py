"""The state of workflows: those of the organisation and its accounts, with drafts and versions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

import msgspec

from refold_async.sandbox.api.applications import app_id_of
from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.documents import Document, IdSequence, given, now, without
from refold_async.sandbox.responses import refused
from refold_async.sandbox.seeds import WorkflowSeed, load_seeds
from refold_async.sandbox.state import Organisation, StoredAccount

Stage = Literal["workflow", "draft", "version"]


class StoredWorkflow:
    """One workflow: its current document, its draft, if any, and its published versions."""

    def __init__(self, ids: IdSequence, document: Document) -> None:
        self.document = document
        self.draft: Document | None = None
        self.versions: list[Document] = []
        self._ids = ids

    @property
    def id(self) -> str:
        """The id, the same for all versions."""
        return str(self.document["_id"])

    @property
    def slug(self) -> str:
        """The app that the workflow belongs to."""
        return str(self.document["slug"])

    @property
    def owner(self) -> object:
        """The id of the account it is private to; `None` for the organisation's own."""
        return self.document.get("linked_account_id")

    @property
    def nodes(self) -> list[Document]:
        """The nodes, in execution order."""
        return nodes_of(self.document)

    @property
    def event(self) -> object:
        """The event that starts it, if any: the `event` in a start node's data."""
        starts = [node["data"] for node in self.nodes if node.get("type") == "start"]
        return next((data["event"] for data in starts if isinstance(data, dict) and "event" in data), None)

    def is_for(self, account: StoredAccount | None) -> bool:
        """Return whether an account may use it; the organisation (`None`) may use all."""
        return account is None or self.owner in (None, account.account_id)

    def edit(self) -> Document:
        """Return the draft, cloned from the current document if there is none."""
        if self.draft is None:
            clone = without(self.document, "published", "linked_account_id")
            moment = now()
            own = {"_id": self._ids.next(), "associated_workflow": self.id}
            self.draft = {**clone, **own, "createdAt": moment, "updatedAt": moment}
        return self.draft

    def publish(self, version: int | None) -> None:
        """Publish the draft, if any, and keep a snapshot under the given or next version."""
        if self.draft is not None:
            self.document.update(without(self.draft, "_id", "associated_workflow", "createdAt"))
            self.draft = None
        number = version or len(self.versions) + 1
        self.document.update(published=True, current_version=number, updatedAt=now())
        snapshot = {**self.document, "_id": self._ids.next(), "version": number, "createdAt": now()}
        self.versions = [each for each in self.versions if each["version"] != number] + [snapshot]

    def unpublish(self) -> None:
        """Unpublish the workflow."""
        self.document.update(published=False, updatedAt=now())

    def stage_of(self, workflow_id: str) -> Stage | None:
        """Return what an id refers to: the workflow (by id or alias), its draft or a version."""
        if workflow_id in (self.id, self.document.get("workflow_alias")):
            return "workflow"
        if self.draft is not None and workflow_id == self.draft["_id"]:
            return "draft"
        return "version" if any(each["_id"] == workflow_id for each in self.versions) else None


class FoundWorkflow(NamedTuple):
    """A workflow, and what the id that was looked up refers to."""

    workflow: StoredWorkflow
    stage: Stage


class WorkflowStore:
    """All workflows of an organisation; the seeded ones belong to it and serve every account."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._ids = organisation.own(IdSequence)
        self._workflows: dict[str, StoredWorkflow] = {}
        for seed in load_seeds().workflows:
            if seed.slug in organisation.apps:
                self._seed_one(seed)

    def __iter__(self) -> Iterator[StoredWorkflow]:
        return iter(tuple(self._workflows.values()))

    def create(self, account: StoredAccount, slug: str, fields: Document) -> StoredWorkflow:
        """Add an unpublished workflow of an account."""
        ownership = {"linked_account_id": account.account_id, "public_access_workflow": True}
        return self._add(self._ids.next(), slug, {**fields, **ownership, "published": False})

    def search(self, workflow_id: str) -> FoundWorkflow:
        """Return the workflow with an id or alias, or the one whose draft or version has the id."""
        for workflow in self:
            stage = workflow.stage_of(workflow_id)
            if stage is not None:
                return FoundWorkflow(workflow, stage)
        raise refused(404, "Workflow not found")

    def find(self, workflow_id: str) -> StoredWorkflow:
        """Return the workflow alone; refuses an unknown id."""
        return self.search(workflow_id).workflow

    def usable(self, workflow_id: str, account: StoredAccount | None) -> StoredWorkflow:
        """Return a workflow that an account may use; refuses another account's."""
        workflow = self.find(workflow_id)
        if not workflow.is_for(account):
            raise refused(403, "Workflow is private to another linked account")
        return workflow

    def of_app(self, slug: str, account: StoredAccount) -> list[StoredWorkflow]:
        """Return the published workflows of an app that an account may use."""
        return [
            each for each in self if each.slug == slug and each.document["published"] and each.is_for(account)
        ]

    def remove(self, workflow: StoredWorkflow) -> None:
        """Delete a workflow with its draft and versions."""
        self._workflows.pop(workflow.id, None)

    def remove_of(self, account_id: str) -> None:
        """Delete all workflows of an account."""
        for workflow in self:
            if workflow.owner == account_id:
                self.remove(workflow)

    def _seed_one(self, seed: WorkflowSeed) -> None:
        seed_number = self._organisation.seed
        workflow_id = object_id(seed_number, "workflow", seed.alias)
        slots: list[Document] = msgspec.to_builtins(seed.data_slots)
        for slot in slots:
            slot["id"] = object_id(seed_number, "slot", seed.alias, slot["name"])
        texts = given(msgspec.to_builtins(seed), ("name", "description", "is_v2", "nodes"))
        payload = {"manual_execution_payload": seed.manual_execution_payload, "json_schema": seed.json_schema}
        fields = {
            **texts,
            **{name: value for name, value in payload.items() if value is not None},
            "workflow_alias": seed.alias,
            "data_slots": slots,
            "public_access_workflow": True,
        }
        self._add(workflow_id, seed.slug, fields).publish(None)

    def _add(self, workflow_id: str, slug: str, fields: Document) -> StoredWorkflow:
        moment = now()
        defaults: Document = {"name": "", "description": "", "icon": "", "is_v2": False, "data_slots": []}
        defaults["enable_schema_validation"] = False
        nodes = _numbered(nodes_of({"nodes": fields.get("nodes") or [{"type": "start"}]}))
        own = {
            "_id": workflow_id,
            "slug": slug,
            "org_id": self._organisation.id,
            "environment": self._organisation.environment,
            "associated_application": app_id_of(self._organisation, slug),
            "nodes": nodes,
            "edges": fields.get("edges") or _chain(nodes),
            "createdAt": moment,
            "updatedAt": moment,
        }
        workflow = StoredWorkflow(self._ids, {**defaults, **fields, **own})
        self._workflows[workflow_id] = workflow
        return workflow


def nodes_of(document: Document) -> list[Document]:
    """Return the nodes of a workflow's document."""
    nodes = document["nodes"]
    return [node for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []


def _numbered(found: list[Document]) -> list[Document]:
    """Return the nodes, each with an id, its neighbours and its data."""
    base: Document = {"incoming_nodes": [], "outgoing_nodes": [], "data": None}
    return [{"id": str(place), **base, **node} for place, node in enumerate(found, start=1)]


def _chain(nodes: list[Document]) -> list[Document]:
    return [{"source": before["id"], "target": after["id"]} for before, after in pairwise(nodes)]
