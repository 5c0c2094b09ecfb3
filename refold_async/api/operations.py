"""All operations of the API: name, method, path and what running one twice does, a line each.

Whatever needs to know operations (resources, raw calls, docs, tests) takes them from here, without
loading any resource. To add one: add its line, then a method that calls it.
"""

# One line each, so that the table can be read and searched as one.
# fmt: off
# ruff: noqa: E501

from __future__ import annotations

from typing import Final

from refold_async._core.operation import Operation, idempotent, read, write

ACTIONS_LIST: Final = read("actions.list", "GET", "/api/v2/integration-schema/{slug}/actions")
ACTIONS_SCHEMA: Final = read("actions.schema", "GET", "/api/v2/integration-schema/{slug}/actions/{action_id}")
ACTIONS_EXECUTE: Final = write("actions.execute", "POST", "/api/v2/integration-schema/{slug}/actions/{action_id}/execute")

APPLICATIONS_LIST: Final = read("applications.list", "GET", "/api/v2/public/application")
APPLICATIONS_GET: Final = read("applications.get", "GET", "/api/v2/public/application/{slug}")

AUTH_STRUCTURE: Final = read("auth.structure", "GET", "/api/v2/public/auth-structure/{slug}")
AUTH_OAUTH_URL: Final = read("auth.oauth_url", "GET", "/api/v2/public/linked-account/integration/oauth-url/{slug}")

CONFIG_FIELDS_LIST: Final = read("config_fields.list", "POST", "/api/v2/public/config/field")
CONFIG_FIELDS_OPTIONS: Final = read("config_fields.options", "POST", "/api/v2/public/config/field/{field_id}")
CONFIG_FIELDS_UPDATE: Final = idempotent("config_fields.update", "PUT", "/api/v2/public/config/field/{field_id}")
CONFIG_FIELDS_DELETE: Final = idempotent("config_fields.delete", "DELETE", "/api/v2/public/config/field/{field_id}")
CONFIG_FIELDS_RULE_OPTIONS: Final = read("config_fields.rule_options", "POST", "/api/v2/public/config/rule-engine/{field_id}")

CONFIGS_GET_OR_CREATE: Final = idempotent("configs.get_or_create", "POST", "/api/v2/public/config")
CONFIGS_UPDATE: Final = idempotent("configs.update", "PUT", "/api/v2/public/config")
CONFIGS_GET_DEFAULT: Final = read("configs.get_default", "GET", "/api/v2/public/slug/{slug}/config")
# A late repeat of a delete would delete a config that was created again.
CONFIGS_DELETE_DEFAULT: Final = write("configs.delete_default", "DELETE", "/api/v2/public/slug/{slug}/config")
CONFIGS_GET: Final = read("configs.get", "GET", "/api/v2/public/slug/{slug}/config/{config_id}")
CONFIGS_DELETE: Final = write("configs.delete", "DELETE", "/api/v2/public/slug/{slug}/config/{config_id}")
CONFIGS_TOGGLE_WORKFLOW: Final = idempotent("configs.toggle_workflow", "PATCH", "/api/v2/public/slug/{slug}/config/{config_id}/workflows/{workflow_id}")
CONFIGS_LIST: Final = read("configs.list", "GET", "/api/v2/public/slug/{slug}/configs")

CREDENTIALS_UPSERT: Final = idempotent("credentials.upsert", "PUT", "/api/v2/public/linked-account/default-app/auth-credentials/{key}")
# A late repeat would delete a credential that was saved again.
CREDENTIALS_DELETE: Final = write("credentials.delete", "DELETE", "/api/v2/public/linked-account/default-app/auth-credentials/{key}")
CREDENTIALS_SAVE_KEYS: Final = idempotent("credentials.save_keys", "PUT", "/api/v2/public/linked-account/integration/save-key-credentials/{slug}")
CREDENTIALS_MIGRATE: Final = idempotent("credentials.migrate", "PUT", "/api/v2/public/migrate-token")

DATAREFS_LIST: Final = read("datarefs.list", "GET", "/api/v2/public/dataref")
DATAREFS_CREATE: Final = write("datarefs.create", "POST", "/api/v2/public/dataref")
DATAREFS_GET: Final = read("datarefs.get", "GET", "/api/v2/public/dataref/{ref_name}")
# A late repeat of these two would delete records that were written in between.
DATAREFS_DELETE: Final = write("datarefs.delete", "DELETE", "/api/v2/public/dataref/{ref_name}")
DATAREFS_CLEAR: Final = write("datarefs.clear", "PUT", "/api/v2/public/dataref/{ref_name}/clear-records")
DATAREFS_EDIT_GROUP: Final = idempotent("datarefs.edit_group", "PUT", "/api/v2/public/datarefs/group")

DATASTORES_LIST: Final = read("datastores.list", "GET", "/api/v2/public/datastore/config/{slug}")
DATASTORES_RECORDS: Final = read("datastores.records", "GET", "/api/v2/public/datastore/config/{slug}/{datastore_name}/records")
DATASTORES_SEARCH: Final = read("datastores.search", "POST", "/api/v2/public/datastore/config/{slug}/{datastore_name}/search")

ENV_VARIABLES_LIST_DEFINITIONS: Final = read("env_variables.list_definitions", "GET", "/api/v2/public/env/definitions")
ENV_VARIABLES_GET_DEFINITION: Final = read("env_variables.get_definition", "GET", "/api/v2/public/env/definitions/{id}")
ENV_VARIABLES_GET: Final = read("env_variables.get", "GET", "/api/v2/public/env/value/{definition_id}")
ENV_VARIABLES_SET: Final = idempotent("env_variables.set", "POST", "/api/v2/public/env/values")
ENV_VARIABLES_LIST: Final = read("env_variables.list", "GET", "/api/v2/public/env/values/{scope}")
ENV_VARIABLES_DELETE: Final = idempotent("env_variables.delete", "DELETE", "/api/v2/public/env/values/{value_id}")

EVENTS_LIST: Final = read("events.list", "GET", "/api/v2/public/application/event")
EVENTS_CREATE: Final = write("events.create", "POST", "/api/v2/public/application/event")
EVENTS_GET: Final = read("events.get", "GET", "/api/v2/public/application/event/{event_id}")
EVENTS_UPDATE: Final = idempotent("events.update", "PUT", "/api/v2/public/application/event/{event_id}")
EVENTS_DELETE: Final = idempotent("events.delete", "DELETE", "/api/v2/public/application/event/{event_id}")
EVENTS_TRIGGER: Final = write("events.trigger", "POST", "/api/v2/public/event/trigger")
EVENTS_TRIGGER_OF_APP: Final = write("events.trigger_of_app", "POST", "/api/v2/public/event/{slug}")

EXECUTIONS_LIST: Final = read("executions.list", "GET", "/api/v2/public/execution")
EXECUTIONS_GET: Final = read("executions.get", "GET", "/api/v2/public/execution/{execution_id}")
EXECUTIONS_BATCHES: Final = read("executions.batches", "GET", "/api/v2/public/execution/{execution_id}/nodes/{node_id}/batches")
EXECUTIONS_RERUN: Final = write("executions.rerun", "POST", "/api/v2/public/execution/{execution_id}/rerun")
EXECUTIONS_STOP: Final = idempotent("executions.stop", "POST", "/api/v2/public/execution/{execution_id}/stop")

HOSTED_CONNECT_CREATE_URL: Final = idempotent("hosted_connect.create_url", "POST", "/api/v2/public/connect-url")
HOSTED_CONNECT_PROPERTIES: Final = read("hosted_connect.properties", "GET", "/api/v2/public/hosted-properties")

HUMAN_TASKS_GET: Final = read("human_tasks.get", "GET", "/api/v2/public/human-tasks/{id}")
HUMAN_TASKS_SUBMIT: Final = write("human_tasks.submit", "POST", "/api/v2/public/human-tasks/{id}")

# A late repeat would cut a connection that the customer has made again.
LINKED_ACCOUNT_DELETE_INTEGRATION: Final = write("linked_account.delete_integration", "DELETE", "/api/v2/public/linked-account/integration/{slug}")
LINKED_ACCOUNT_GET: Final = read("linked_account.get", "GET", "/api/v2/public/session/active-linked-account")

LINKED_ACCOUNTS_LIST: Final = read("linked_accounts.list", "GET", "/api/v2/public/linked-account")
LINKED_ACCOUNTS_CREATE: Final = write("linked_accounts.create", "POST", "/api/v2/public/linked-account")
LINKED_ACCOUNTS_UPSERT: Final = idempotent("linked_accounts.upsert", "PUT", "/api/v2/public/linked-account")
LINKED_ACCOUNTS_GET: Final = read("linked_accounts.get", "GET", "/api/v2/public/linked-account/{linked_account_id}")
# A late repeat would delete a customer that has come back under its id.
LINKED_ACCOUNTS_DELETE: Final = write("linked_accounts.delete", "DELETE", "/api/v2/public/linked-account/{linked_account_id}")

MCP_SERVERS_LIST: Final = read("mcp_servers.list", "GET", "/api/v2/public/mcp-servers")
MCP_SERVERS_CREATE: Final = write("mcp_servers.create", "POST", "/api/v2/public/mcp-servers")
MCP_SERVERS_GET: Final = read("mcp_servers.get", "GET", "/api/v2/public/mcp-servers/{mcp_server_id}")
MCP_SERVERS_UPDATE: Final = idempotent("mcp_servers.update", "PUT", "/api/v2/public/mcp-servers/{mcp_server_id}")
MCP_SERVERS_DELETE: Final = idempotent("mcp_servers.delete", "DELETE", "/api/v2/public/mcp-servers/{mcp_server_id}")

SCHEDULES_LIST: Final = read("schedules.list", "GET", "/api/v1/workflow/public/scheduled")
SCHEDULES_CREATE: Final = write("schedules.create", "POST", "/api/v1/workflow/public/scheduled")
SCHEDULES_UPDATE: Final = idempotent("schedules.update", "PUT", "/api/v1/workflow/public/scheduled/{schedule_id}")
SCHEDULES_DELETE: Final = idempotent("schedules.delete", "DELETE", "/api/v1/workflow/public/scheduled/{schedule_id}")
SCHEDULES_PAUSE: Final = idempotent("schedules.pause", "PUT", "/api/v1/workflow/public/scheduled/{schedule_id}/pause")
SCHEDULES_RESUME: Final = idempotent("schedules.resume", "PUT", "/api/v1/workflow/public/scheduled/{schedule_id}/resume")

SESSION_TOKEN_REVOKE: Final = idempotent("session_token.revoke", "POST", "/api/v2/public/session-token/revoke")

SESSION_TOKENS_CREATE: Final = idempotent("session_tokens.create", "POST", "/api/v2/public/session-token")

TABLES_LIST: Final = read("tables.list", "GET", "/api/v2/public/tables")
TABLES_CREATE: Final = idempotent("tables.create", "POST", "/api/v2/public/tables")
TABLES_EDIT_GROUP: Final = idempotent("tables.edit_group", "PUT", "/api/v2/public/tables/group/edit")
TABLES_RECORDS: Final = read("tables.records", "GET", "/api/v2/public/tables/{table_id}")
TABLES_ADD_RECORDS: Final = write("tables.add_records", "PATCH", "/api/v2/public/tables/{table_id}")
TABLES_DELETE: Final = idempotent("tables.delete", "DELETE", "/api/v2/public/tables/{table_id}")
TABLES_ADD_COLUMNS: Final = write("tables.add_columns", "PATCH", "/api/v2/public/tables/{table_id}/columns/add")
# A late repeat would remove a column that was added again, with its values.
TABLES_REMOVE_COLUMNS: Final = write("tables.remove_columns", "DELETE", "/api/v2/public/tables/{table_id}/columns/remove")
TABLES_RENAME_COLUMNS: Final = write("tables.rename_columns", "PATCH", "/api/v2/public/tables/{table_id}/columns/rename")
TABLES_SEARCH: Final = read("tables.search", "POST", "/api/v2/public/tables/{table_id}/search")
TABLES_DELETE_RECORD: Final = idempotent("tables.delete_record", "DELETE", "/api/v2/public/tables/{table_id}/{record_id}")

WEBHOOKS_LIST: Final = read("webhooks.list", "GET", "/api/v2/public/webhook")
WEBHOOKS_CREATE: Final = write("webhooks.create", "POST", "/api/v2/public/webhook")
WEBHOOKS_GET: Final = read("webhooks.get", "GET", "/api/v2/public/webhook/{id}")
WEBHOOKS_UPDATE: Final = idempotent("webhooks.update", "PUT", "/api/v2/public/webhook/{id}")
WEBHOOKS_DELETE: Final = idempotent("webhooks.delete", "DELETE", "/api/v2/public/webhook/{id}")
WEBHOOKS_EDIT_GROUP: Final = idempotent("webhooks.edit_group", "PUT", "/api/v2/public/webhooks/group/edit")

WORKFLOWS_LIST: Final = read("workflows.list", "GET", "/api/v2/public/workflow")
WORKFLOWS_CREATE: Final = write("workflows.create", "POST", "/api/v2/public/workflow")
WORKFLOWS_ENABLED: Final = read("workflows.enabled", "GET", "/api/v2/public/workflow/enabled")
WORKFLOWS_REQUEST_STRUCTURE: Final = read("workflows.request_structure", "GET", "/api/v2/public/workflow/request-structure/{workflow_id}")
WORKFLOWS_VERSIONS: Final = read("workflows.versions", "GET", "/api/v2/public/workflow/versions/{workflow_id}")
WORKFLOWS_GET: Final = read("workflows.get", "GET", "/api/v2/public/workflow/{workflow_id}")
WORKFLOWS_DELETE: Final = idempotent("workflows.delete", "DELETE", "/api/v2/public/workflow/{workflow_id}")
# It makes a draft where there is none.
WORKFLOWS_DRAFT: Final = idempotent("workflows.draft", "GET", "/api/v2/public/workflow/{workflow_id}/edit")
WORKFLOWS_EXECUTE: Final = write("workflows.execute", "POST", "/api/v2/public/workflow/{workflow_id}/execute")
WORKFLOWS_EXECUTE_AND_WAIT: Final = write("workflows.execute_and_wait", "POST", "/api/v2/public/workflow/{workflow_id}/execute")
# Each publishing may make another version.
WORKFLOWS_PUBLISH: Final = write("workflows.publish", "PUT", "/api/v2/public/workflow/{workflow_id}/publish")

OPERATIONS: Final = tuple(row for row in vars().values() if isinstance(row, Operation))
"""All of the above."""
