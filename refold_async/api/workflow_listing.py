"""Finding workflows: the organisation's, or those of one customer."""

from __future__ import annotations

from datetime import datetime

from refold_async.api import operations
from refold_async.api.paging import PaginatorOf, paginate
from refold_async.api.resource import Resource, flag, moment
from refold_async.api.workflow_models import Workflow, WorkflowPage


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
            slug: Only those of this app, as `hubspot`.
            application_id: Only those of the app with this id.
            name: Only those whose name this regular expression matches.
            published: Only those that are, or are not, published.
            start_date: Only those made from this moment on; it needs a time zone.
            end_date: Only those made up to this moment; it needs a time zone.
            private: On an account: those that are this customer's alone; default: no.
            timeout: Seconds for each page with its retries; default: the client's.

        Raises:
            InvalidCallError: A moment has no time zone.
            RefoldError: Any other failure of a call.
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
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            PermissionDeniedError: It is another customer's.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(operations.WORKFLOWS_GET, Workflow, workflow_id, timeout=timeout)
