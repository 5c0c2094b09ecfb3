"""Workflows of one customer: making, publishing and running them."""

from __future__ import annotations

from collections.abc import Mapping

from refold_async._core.checks import check_mapping
from refold_async.api import operations
from refold_async.api.paging import PaginatorOf, paginate
from refold_async.api.resource import given
from refold_async.api.workflow_listing import OrganisationWorkflows, WorkflowListing
from refold_async.api.workflow_models import (
    CreatedWorkflow,
    EnabledWorkflow,
    RequestStructure,
    Workflow,
    WorkflowDeletion,
    WorkflowPage,
)
from refold_async.api.workflow_runs import WorkflowRuns

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
            slug: The app that it belongs to; default: the organisation's own.
            associated_application: The same, by the app's id.
            description: What it does.
            fields: All else that it holds, as `nodes`, under the names that the service gives it.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            RefoldError: Any failure of a call.
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
        """Fetch the draft of a workflow; where there is none, one is made of what is published.

        Calls `GET /api/v2/public/workflow/{workflowId}/edit`.

        Args:
            workflow_id: The workflow's id.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            NotFoundError: There is no such workflow.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(operations.WORKFLOWS_DRAFT, Workflow, workflow_id, timeout=timeout)

    async def enabled(self, *, timeout: float | None = None) -> EnabledWorkflows:
        """List the workflows that run for this customer.

        Calls `GET /api/v2/public/workflow/enabled`.

        Args:
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            RefoldError: Any failure of a call.
        """
        return await self._requester.call(operations.WORKFLOWS_ENABLED, EnabledWorkflows, timeout=timeout)

    async def request_structure(self, workflow_id: str, *, timeout: float | None = None) -> RequestStructure:
        """Fetch what a workflow's payload looks like.

        Calls `GET /api/v2/public/workflow/request-structure/{workflowId}`.

        Args:
            workflow_id: The workflow's id.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            RefoldError: Any failure of a call.
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
            timeout: Seconds for each page with its retries; default: the client's.

        Raises:
            NotFoundError: There is no such workflow.
            RefoldError: Any other failure of a call.
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
        """Publish a workflow, so that it runs by its triggers; or take it back.

        Calls `PUT /api/v2/public/workflow/{workflowId}/publish`.

        Args:
            workflow_id: The workflow's id.
            published: Whether it is to be published; default: yes.
            version: The version that the draft is published as.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            BadRequestError: It is no workflow of a customer's.
            RefoldError: Any other failure of a call.
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
            timeout: Seconds for the whole call with its retries; default: the client's.

        Returns:
            Whether it was deleted, and whether all its triggers were.

        Raises:
            BadRequestError: It is a version, and no workflow.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(
            operations.WORKFLOWS_DELETE, WorkflowDeletion, workflow_id, timeout=timeout
        )
