"""The documented operations, one module per feature: its state, its handlers and its `ROUTES`.

To add an operation:

1. Write an `async def` in the feature's module. It takes a `SandboxRequest` and returns a
   `SandboxResponse`: `success(value)`, or `raise refused(404, "Webhook not found")`, with the
   documented `code`, and with `field="error"` if the documented body has its code there.
2. Keep state in a class that takes its owner, and get the owner's instance with
   `request.organisation.own(WebhookStore)` or `request.account.own(TableStore)`. `DocumentStore` and
   the functions of `sandbox.params` cover the common parts.
3. Add one row to the module's `ROUTES`: name (`"webhooks.create"`), method, documented path, handler,
   scope, and the effect if the method does not say it (e.g. a `POST` that reads).
4. List a new module below.

Work that outlives a response is started with `request.context.background.start(...)`; the sandbox
owns it and awaits it when it stops. A handler waits with `request.context.pauses.sleep(seconds)`
rather than `asyncio.sleep`, so that a stop of the sandbox ends the wait.
"""

from __future__ import annotations

from refold_async.sandbox.api import (
    actions,
    applications,
    config_fields,
    configs,
    credentials,
    datarefs,
    datastores,
    env_variables,
    events,
    executions,
    human_tasks,
    linked_accounts,
    mcp_servers,
    schedules,
    sessions,
    tables,
    webhooks,
    workflows,
)
from refold_async.sandbox.routing import Route

ROUTES: tuple[Route, ...] = (
    *actions.ROUTES,
    *applications.ROUTES,
    *config_fields.ROUTES,
    *configs.ROUTES,
    *credentials.ROUTES,
    *datarefs.ROUTES,
    *datastores.ROUTES,
    *env_variables.ROUTES,
    *events.ROUTES,
    *executions.ROUTES,
    *human_tasks.ROUTES,
    *linked_accounts.ROUTES,
    *mcp_servers.ROUTES,
    *schedules.ROUTES,
    *sessions.ROUTES,
    *tables.ROUTES,
    *webhooks.ROUTES,
    *workflows.ROUTES,
)
