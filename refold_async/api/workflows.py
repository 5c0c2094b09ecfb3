"""Workflows of one customer: making, publishing and running them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from refold_async._core.checks import check_mapping
from refold_async.api import operations
from refold_async.api.paging import PaginatorOf, paginate
from refold_async.api.resource import Resource, flag, given, moment
from refold_async.api.workflow_models import (
    CreatedWorkflow,
    EnabledWorkflow,
    RequestStructure,
    Workflow,
    WorkflowDeletion,
    WorkflowPage,
)
from refold_async.api.workflow_runs import WorkflowRuns


class WorkflowListing(Resource):
    """Lists of workflows: the organisation's, or those that a customer may run."""

    __slots__ = ()

    def list(
        self,
        *,
        page: int | None = None,
        limit: int | None = None,
        slug: str | None = None,
        application_id: str | None = None,
        name: str | None = None,
        published: bool | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        private: bool = False,
        timeout: float | None = None,
    ) -> PaginatorOf[Workflow, WorkflowPage]:
        """List the workflows: on an account, of those that customers make.

        Calls `GET /api/v2/public/workflow`.

        Args:
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Workflows on a page; default: the service's, 10.
            slug: Only those of this app, e.g. `hubspot`.
            application_id: Only those of the app with this id.
            name: Only those whose name matches this regular expression.
            published: Only those that are, or are not, published.
            start_date: Only those created from this time on; it needs a time zone.
            end_date: Only those made up to this moment; it needs a time zone.
            private: On an account: those that are this customer's alone; default: no.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            InvalidCallError: If a time has no time zone.
            RefoldError: If the call fails in any other way.
        """
        query = {
            "slug": slug,
            "application_id": application_id,
            "name": name,
            "published": flag(published),
            "start_date": moment("start_date", start_date),
            "end_date": moment("end_date", end_date),
            "scope": "private" if private else None,
        }
        return paginate(
            self._requester,
            operations.WORKFLOWS_LIST,
            WorkflowPage,
            page=page,
            limit=limit,
            query=query,
            timeout=timeout,
        )


class OrganisationWorkflows(WorkflowListing):
    """The organisation's workflows: `refold.workflows`. On an account they are run."""

    __slots__ = ()

    async def get(self, workflow_id: str, *, timeout: float | None = None) -> Workflow:
        """Fetch a workflow with its nodes.

        Calls `GET /api/v2/public/workflow/{workflowId}`.

        Args:
            workflow_id: The workflow's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            PermissionDeniedError: If it is another customer's.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.WORKFLOWS_GET, Workflow, workflow_id, timeout=timeout)


EnabledWorkflows = list[EnabledWorkflow]


class Workflows(WorkflowRuns, WorkflowListing):
    """One customer's workflows: `account.workflows`."""

    __slots__ = ()

    async def create(
        self,
        name: str,
        *,
        slug: str | None = None,
        associated_application: str | None = None,
        description: str | None = None,
        fields: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> CreatedWorkflow:
        """Create a workflow of this customer's, as a draft.

        Calls `POST /api/v2/public/workflow`.

        Args:
            name: Its name.
            slug: The slug of its app; default: the organisation's own.
            associated_application: The same, by the app's id.
            description: What it does.
            fields: Its other fields, e.g. `nodes`, under the service's names.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        check_mapping("fields", fields, optional=True)
        named = given(
            name=name,
            slug=slug,
            associated_application=associated_application,
            description=description,
        )
        return await self._requester.call(
            operations.WORKFLOWS_CREATE, CreatedWorkflow, body={**(fields or {}), **named}, timeout=timeout
        )

    async def draft(self, workflow_id: str, *, timeout: float | None = None) -> Workflow:
        """Fetch the draft of a workflow, creating it from the published version if there is none.

        Calls `GET /api/v2/public/workflow/{workflowId}/edit`.

        Args:
            workflow_id: The workflow's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such workflow.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.WORKFLOWS_DRAFT, Workflow, workflow_id, timeout=timeout)

    async def enabled(self, *, timeout: float | None = None) -> EnabledWorkflows:
        """List the workflows that run for this customer.

        Calls `GET /api/v2/public/workflow/enabled`.

        Args:
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        return await self._requester.call(operations.WORKFLOWS_ENABLED, EnabledWorkflows, timeout=timeout)

    async def request_structure(self, workflow_id: str, *, timeout: float | None = None) -> RequestStructure:
        """Fetch the structure of a workflow's payload.

        Calls `GET /api/v2/public/workflow/request-structure/{workflowId}`.

        Args:
            workflow_id: The workflow's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        return await self._requester.call(
            operations.WORKFLOWS_REQUEST_STRUCTURE, RequestStructure, workflow_id, timeout=timeout
        )

    def versions(
        self,
        workflow_id: str,
        *,
        page: int | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> PaginatorOf[Workflow, WorkflowPage]:
        """List a workflow's published versions, the newest first.

        Calls `GET /api/v2/public/workflow/versions/{workflowId}`.

        Args:
            workflow_id: The workflow's id.
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Versions on a page; default: the service's, 10.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such workflow.
            RefoldError: If the call fails in any other way.
        """
        return paginate(
            self._requester,
            operations.WORKFLOWS_VERSIONS,
            WorkflowPage,
            workflow_id,
            page=page,
            limit=limit,
            timeout=timeout,
        )


class KeyWorkflows(Workflows, OrganisationWorkflows):
    """One customer's workflows, reached with the API key: `account.workflows`."""

    __slots__ = ()


class TokenWorkflows(Workflows):
    """One customer's workflows, reached with its token: `account.workflows`."""

    __slots__ = ()

    async def publish(
        self,
        workflow_id: str,
        *,
        published: bool = True,
        version: int | None = None,
        timeout: float | None = None,
    ) -> Workflow:
        """Publish a workflow, so that its triggers start it, or unpublish it.

        Calls `PUT /api/v2/public/workflow/{workflowId}/publish`.

        Args:
            workflow_id: The workflow's id.
            published: Whether to publish it; default: yes.
            version: The version that the draft is published as.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If it is not a customer's workflow.
            RefoldError: If the call fails in any other way.
        """
        body = given(published=published, version=version)
        return await self._requester.call(
            operations.WORKFLOWS_PUBLISH, Workflow, workflow_id, body=body, timeout=timeout
        )

    async def delete(self, workflow_id: str, *, timeout: float | None = None) -> WorkflowDeletion:
        """Delete a workflow with its drafts, versions and triggers.

        Calls `DELETE /api/v2/public/workflow/{workflowId}`.

        Args:
            workflow_id: The workflow's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            Whether it was deleted, and whether all its triggers were.

        Raises:
            BadRequestError: If it is a version, not a workflow.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.WORKFLOWS_DELETE, WorkflowDeletion, workflow_id, timeout=timeout
        )
