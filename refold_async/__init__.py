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

from refold_async.api.action_schema import ActionParameter, ActionSchema, Problem
from refold_async.api.actions import Action, ActionResult
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
from refold_async.caching import Cache
from refold_async.client import Account, KeyAccount, Refold, SessionManager, TokenAccount
from refold_async.deadlines import deadline
from refold_async.errors import (
    ActionFailed,
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
    ReplyTooLargeError,
    ServerError,
    SettingsError,
    StatusError,
    UnprocessableError,
    UnreadableReplyError,
)
from refold_async.hooks import CallFacts, Hooks
from refold_async.operation import Effect
from refold_async.pacing import RateLimit
from refold_async.retries import Retry
from refold_async.settings import Options

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
    "ConnectionFailedError",
    "DeadlineExceededError",
    "Done",
    "Effect",
    "Failed",
    "Fate",
    "Hooks",
    "InterruptedRunError",
    "InvalidCallError",
    "Journal",
    "JournalError",
    "NotFoundError",
    "Options",
    "Outcome",
    "PerAccount",
    "PermissionDeniedError",
    "Problem",
    "RateLimit",
    "RateLimitedError",
    "ReconnectRequiredError",
    "RedirectError",
    "Refold",
    "RefoldError",
    "ReplyTooLargeError",
    "Retry",
    "ServerError",
    "SessionManager",
    "SettingsError",
    "Skipped",
    "StatusError",
    "UnprocessableError",
    "UnreadableReplyError",
    "deadline",
]
