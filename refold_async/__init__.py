"""The asyncio-first Python SDK for Refold.

```python
from refold_async import Refold

async with Refold() as refold:  # REFOLD_API_KEY, REFOLD_BASE_URL
    account = refold.account("demo-user-1")
    result = await account.actions.execute("hubspot", "get_contact", {"limit": "1"})
    print(result.data)
```
"""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refold_async._core.operation import Effect
    from refold_async._core.uploads import File
    from refold_async.api.action_schema import ActionParameter, ActionSchema, Problem
    from refold_async.api.actions import Action
    from refold_async.api.applications import Application, ConnectedAccount
    from refold_async.api.execution_models import Execution
    from refold_async.api.linked_accounts import LinkedAccount
    from refold_async.api.paging import Page, Paginator
    from refold_async.api.raw_calls import RawAnswer
    from refold_async.api.workflow_models import Workflow, WorkflowFailed, WorkflowResult
    from refold_async.batch import (
        Batch,
        BatchOptions,
        BatchProgress,
        BatchReport,
        BatchSummary,
        Call,
        Done,
        Failed,
        Journal,
        Outcome,
        PerAccount,
        Skipped,
    )
    from refold_async.client import Account, KeyAccount, Refold, SessionManager, TokenAccount
    from refold_async.deadlines import deadline
    from refold_async.errors import (
        AuthenticationError,
        BadRequestError,
        CertificateError,
        ClosedError,
        ConflictError,
        ConnectionFailedError,
        DeadlineExceededError,
        Fate,
        InterruptedRunError,
        InvalidCallError,
        JournalError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitedError,
        ReconnectRequiredError,
        RedirectError,
        RefoldError,
        RefusedError,
        ReplyTooLargeError,
        ServerError,
        SettingsError,
        StatusError,
        UnprocessableError,
        UnreadableReplyError,
    )
    from refold_async.hooks import CallFacts, Hooks
    from refold_async.results import ActionFailed, ActionResult
    from refold_async.settings import Cache, Options, RateLimit, Retry
    from refold_async.webhooks import (
        ConnectionCreated,
        ConnectionDeleted,
        ConnectionExpired,
        UnknownEvent,
        WorkflowCompleted,
        WorkflowErrored,
        parse_webhook,
        verify_webhook,
    )

logging.getLogger("refold_async").addHandler(logging.NullHandler())

__version__ = "0.1.0"

__all__ = [
    "Account",
    "Action",
    "ActionFailed",
    "ActionParameter",
    "ActionResult",
    "ActionSchema",
    "Application",
    "AuthenticationError",
    "BadRequestError",
    "Batch",
    "BatchOptions",
    "BatchProgress",
    "BatchReport",
    "BatchSummary",
    "Cache",
    "Call",
    "CallFacts",
    "CertificateError",
    "ClosedError",
    "ConflictError",
    "ConnectedAccount",
    "ConnectionCreated",
    "ConnectionDeleted",
    "ConnectionExpired",
    "ConnectionFailedError",
    "DeadlineExceededError",
    "Done",
    "Effect",
    "Execution",
    "Failed",
    "Fate",
    "File",
    "Hooks",
    "InterruptedRunError",
    "InvalidCallError",
    "Journal",
    "JournalError",
    "KeyAccount",
    "LinkedAccount",
    "NotFoundError",
    "Options",
    "Outcome",
    "Page",
    "Paginator",
    "PerAccount",
    "PermissionDeniedError",
    "Problem",
    "RateLimit",
    "RateLimitedError",
    "RawAnswer",
    "ReconnectRequiredError",
    "RedirectError",
    "Refold",
    "RefoldError",
    "RefusedError",
    "ReplyTooLargeError",
    "Retry",
    "ServerError",
    "SessionManager",
    "SettingsError",
    "Skipped",
    "StatusError",
    "TokenAccount",
    "UnknownEvent",
    "UnprocessableError",
    "UnreadableReplyError",
    "Workflow",
    "WorkflowCompleted",
    "WorkflowErrored",
    "WorkflowFailed",
    "WorkflowResult",
    "deadline",
    "parse_webhook",
    "verify_webhook",
]

_HOMES = {
    "_core.operation": "Effect",
    "_core.uploads": "File",
    "api.action_schema": "ActionParameter ActionSchema Problem",
    "api.actions": "Action",
    "api.applications": "Application ConnectedAccount",
    "api.execution_models": "Execution",
    "api.linked_accounts": "LinkedAccount",
    "api.paging": "Page Paginator",
    "api.raw_calls": "RawAnswer",
    "api.workflow_models": "Workflow WorkflowFailed WorkflowResult",
    "batch": "Batch BatchOptions BatchProgress BatchReport BatchSummary Journal PerAccount",
    "calls": "Call Done Failed Outcome Skipped",
    "client": "Account KeyAccount Refold SessionManager TokenAccount",
    "deadlines": "deadline",
    "errors": (
        "AuthenticationError BadRequestError CertificateError ClosedError "
        "ConflictError ConnectionFailedError DeadlineExceededError Fate InterruptedRunError "
        "InvalidCallError JournalError NotFoundError PermissionDeniedError RateLimitedError "
        "ReconnectRequiredError RedirectError RefoldError RefusedError ReplyTooLargeError "
        "ServerError SettingsError StatusError UnprocessableError UnreadableReplyError"
    ),
    "hooks": "CallFacts Hooks",
    "results": "ActionFailed ActionResult",
    "settings": "Cache Options RateLimit Retry",
    "webhooks": (
        "ConnectionCreated ConnectionDeleted ConnectionExpired parse_webhook UnknownEvent "
        "verify_webhook WorkflowCompleted WorkflowErrored"
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


if not TYPE_CHECKING:  # type checkers would take any name for one that is there

    def __getattr__(name: str) -> object:
        """Import a name when it is first used, so that the import of the package costs next to nothing."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - rarely wanted

        value: object = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
