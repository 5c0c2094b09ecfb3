"""Every operation that the service documents; those not served yet answer 501."""

from collections.abc import Iterable

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, envelope
from refold_async.sandbox.routing import Route

DOCUMENTED = """
GET /api/v2/public/application
GET /api/v2/public/application/{slug}
GET /api/v2/public/auth-structure/{slug}
POST /api/v2/public/connect-url
PUT /api/v2/public/linked-account/default-app/auth-credentials/{key}
DELETE /api/v2/public/linked-account/default-app/auth-credentials/{key}
PUT /api/v2/public/linked-account/integration/save-key-credentials/{slug}
PUT /api/v2/public/migrate-token
GET /api/v2/public/hosted-properties
GET /api/v2/public/linked-account
POST /api/v2/public/linked-account
PUT /api/v2/public/linked-account
GET /api/v2/public/linked-account/{linked_account_id}
DELETE /api/v2/public/linked-account/{linked_account_id}
DELETE /api/v2/public/linked-account/integration/{slug}
GET /api/v2/public/session/active-linked-account
GET /api/v2/public/linked-account/integration/oauth-url/{slug}
POST /api/v2/public/session-token
POST /api/v2/public/session-token/revoke
GET /api/v2/public/webhook
POST /api/v2/public/webhook
GET /api/v2/public/webhook/{id}
PUT /api/v2/public/webhook/{id}
DELETE /api/v2/public/webhook/{id}
PUT /api/v2/public/webhooks/group/edit
GET /api/v2/public/application/event
POST /api/v2/public/application/event
GET /api/v2/public/application/event/{event_id}
PUT /api/v2/public/application/event/{event_id}
DELETE /api/v2/public/application/event/{event_id}
POST /api/v2/public/event/{slug}
POST /api/v2/public/event/trigger
POST /api/v2/public/config/field
POST /api/v2/public/config/field/{fieldId}
PUT /api/v2/public/config/field/{fieldId}
DELETE /api/v2/public/config/field/{fieldId}
POST /api/v2/public/config/rule-engine/{fieldId}
POST /api/v2/public/config
PUT /api/v2/public/config
GET /api/v2/public/slug/{slug}/config
DELETE /api/v2/public/slug/{slug}/config
GET /api/v2/public/slug/{slug}/config/{configId}
DELETE /api/v2/public/slug/{slug}/config/{configId}
PATCH /api/v2/public/slug/{slug}/config/{configId}/workflows/{workflowId}
GET /api/v2/public/slug/{slug}/configs
GET /api/v2/public/dataref
POST /api/v2/public/dataref
GET /api/v2/public/dataref/{refName}
DELETE /api/v2/public/dataref/{refName}
PUT /api/v2/public/dataref/{refName}/clear-records
PUT /api/v2/public/datarefs/group
GET /api/v2/public/datastore/config/{slug}
GET /api/v2/public/datastore/config/{slug}/{datastore_name}/records
POST /api/v2/public/datastore/config/{slug}/{datastore_name}/search
GET /api/v2/public/env/definitions
GET /api/v2/public/env/definitions/{id}
GET /api/v2/public/env/value/{definition_id}
POST /api/v2/public/env/values
GET /api/v2/public/env/values/{scope}
DELETE /api/v2/public/env/values/{value_id}
GET /api/v2/public/execution
GET /api/v2/public/execution/{execution_id}
GET /api/v2/public/execution/{execution_id}/nodes/{node_id}/batches
POST /api/v2/public/execution/{instanceId}/stop
GET /api/v2/public/human-tasks/{id}
POST /api/v2/public/human-tasks/{id}
GET /api/v2/public/mcp-servers
POST /api/v2/public/mcp-servers
GET /api/v2/public/mcp-servers/{mcp_server_id}
PUT /api/v2/public/mcp-servers/{mcp_server_id}
DELETE /api/v2/public/mcp-servers/{mcp_server_id}
GET /api/v2/public/tables
POST /api/v2/public/tables
GET /api/v2/public/tables/{table_id}
PATCH /api/v2/public/tables/{table_id}
DELETE /api/v2/public/tables/{table_id}
DELETE /api/v2/public/tables/{table_id}/{record_id}
PATCH /api/v2/public/tables/{table_id}/columns/add
DELETE /api/v2/public/tables/{table_id}/columns/remove
PATCH /api/v2/public/tables/{table_id}/columns/rename
POST /api/v2/public/tables/{table_id}/search
PUT /api/v2/public/tables/group/edit
GET /api/v2/public/workflow
POST /api/v2/public/workflow
GET /api/v2/public/workflow/{workflowId}
DELETE /api/v2/public/workflow/{workflowId}
GET /api/v2/public/workflow/{workflowId}/edit
POST /api/v2/public/workflow/{workflowId}/execute
PUT /api/v2/public/workflow/{workflowId}/publish
GET /api/v2/public/workflow/enabled
GET /api/v2/public/workflow/request-structure/{workflowId}
GET /api/v2/public/workflow/versions/{workflowId}
GET /api/v1/workflow/public/scheduled
POST /api/v1/workflow/public/scheduled
PUT /api/v1/workflow/public/scheduled/{schedule_id}
DELETE /api/v1/workflow/public/scheduled/{schedule_id}
PUT /api/v1/workflow/public/scheduled/{schedule_id}/pause
PUT /api/v1/workflow/public/scheduled/{schedule_id}/resume
GET /api/v2/integration-schema/{slug}/actions
GET /api/v2/integration-schema/{slug}/actions/{action_id}
POST /api/v2/integration-schema/{slug}/actions/{action_id}/execute
POST /api/v2/public/execution/{instanceId}/rerun
"""


async def not_implemented(call: Call) -> Reply:
    """The honest answer to an operation that the sandbox has no state for."""
    return envelope(501, f"{call.route.method} {call.route.path} is not available in the sandbox")


def pending_routes(served: Iterable[Route]) -> list[Route]:
    """A route that answers 501 for each documented operation that is not among those served."""
    done = {(route.method, route.path) for route in served}
    documented = [(method, path) for method, path in map(str.split, DOCUMENTED.strip().splitlines())]
    return [
        Route(f"{method} {path}", method, path, not_implemented, scope="either")
        for method, path in documented
        if (method, path) not in done
    ]
