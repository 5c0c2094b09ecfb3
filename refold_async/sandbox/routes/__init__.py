"""The documented operations, one module a resource.

To add a resource:

1. Write ``routes/<resource>.py`` with one ``async def`` for each operation. It takes a `Call` and gives
   a `Reply`: ``success(value)``, or ``raise Refused(envelope(404, "Webhook not found"))``, with the
   documented ``code``, and ``code_field="error"`` where the documented body has its code there.
2. State goes into a class that takes its owner, in the same module or, where others need it too, in
   `refold_async.sandbox.resources`; it is asked for with ``call.organisation.own(Webhooks)`` or
   ``call.account.own(Tables)``. `Documents`, `page_of`, `refused` and the readers there do the common part.
3. List the operations in the module's ``ROUTES``: name (``"webhooks.create"``), method, documented
   path, handler, scope, and the effect where the method does not tell it (a ``POST`` that reads).
4. Add the module's ``ROUTES`` below. What `documented` lists and no module serves answers 501.

What goes on behind the answers is a chore, ``call.world.chores.start(...)``, which ends with the sandbox.
A handler never sleeps by itself: ``await call.world.pauses.sleep(seconds)`` ends when the sandbox stops.
"""

from refold_async.sandbox.routes import (
    actions,
    applications,
    auth,
    config_fields,
    configs,
    credentials,
    datarefs,
    datastores,
    env_variables,
    events,
    executions,
    hosted_connect,
    human_tasks,
    linked_accounts,
    mcp_servers,
    schedules,
    session_tokens,
    tables,
    webhooks,
    workflow_runs,
    workflows,
)
from refold_async.sandbox.routes.documented import pending_routes
from refold_async.sandbox.routing import Route

SERVED: tuple[Route, ...] = (
    *actions.ROUTES,
    *applications.ROUTES,
    *auth.ROUTES,
    *config_fields.ROUTES,
    *configs.ROUTES,
    *credentials.ROUTES,
    *datarefs.ROUTES,
    *datastores.ROUTES,
    *env_variables.ROUTES,
    *events.ROUTES,
    *executions.ROUTES,
    *hosted_connect.ROUTES,
    *human_tasks.ROUTES,
    *linked_accounts.ROUTES,
    *mcp_servers.ROUTES,
    *schedules.ROUTES,
    *session_tokens.ROUTES,
    *tables.ROUTES,
    *webhooks.ROUTES,
    *workflow_runs.ROUTES,
    *workflows.ROUTES,
)

ROUTES: tuple[Route, ...] = (*pending_routes(SERVED), *SERVED)
