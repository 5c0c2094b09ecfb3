# The public names, listed here alone: type checkers and editors read this file, and `__getattr__` in
# `__init__.py` finds the module of a name by it.

from refold_async._core.operation import Effect as Effect
from refold_async._core.uploads import File as File
from refold_async.api.action_schema import (
    ActionParameter as ActionParameter,
    ActionSchema as ActionSchema,
    Problem as Problem,
)
from refold_async.api.actions import Action as Action
from refold_async.api.applications import Application as Application, ConnectedAccount as ConnectedAccount
from refold_async.api.execution_models import Execution as Execution
from refold_async.api.linked_accounts import LinkedAccount as LinkedAccount
from refold_async.api.paging import Page as Page, Paginator as Paginator
from refold_async.api.raw_calls import RawAnswer as RawAnswer
from refold_async.api.workflow_models import (
    Workflow as Workflow,
    WorkflowFailed as WorkflowFailed,
    WorkflowResult as WorkflowResult,
)
from refold_async.batch import (
    Batch as Batch,
    BatchOptions as BatchOptions,
    BatchProgress as BatchProgress,
    BatchReport as BatchReport,
    BatchSummary as BatchSummary,
    Journal as Journal,
    PerAccount as PerAccount,
)
from refold_async.blocking import Portal as Portal, portal as portal
from refold_async.batch.journal.records import JournalRecord as JournalRecord
from refold_async.calls import (
    Absent as Absent,
    Call as Call,
    Done as Done,
    Failed as Failed,
    Found as Found,
    Outcome as Outcome,
    Skipped as Skipped,
    Unresolved as Unresolved,
    Verdict as Verdict,
)
from refold_async.client import (
    Account as Account,
    KeyAccount as KeyAccount,
    Refold as Refold,
    SessionManager as SessionManager,
    TokenAccount as TokenAccount,
)
from refold_async.deadlines import deadline as deadline
from refold_async.errors import (
    AuthenticationError as AuthenticationError,
    BadRequestError as BadRequestError,
    CertificateError as CertificateError,
    ClosedError as ClosedError,
    ConflictError as ConflictError,
    ConnectionFailedError as ConnectionFailedError,
    DeadlineExceededError as DeadlineExceededError,
    Fate as Fate,
    IncompleteWalkError as IncompleteWalkError,
    InterruptedRunError as InterruptedRunError,
    InvalidCallError as InvalidCallError,
    JournalError as JournalError,
    JournalInUseError as JournalInUseError,
    NotFoundError as NotFoundError,
    PermissionDeniedError as PermissionDeniedError,
    RateLimitedError as RateLimitedError,
    ReconnectRequiredError as ReconnectRequiredError,
    RedirectError as RedirectError,
    RefoldError as RefoldError,
    RefusedError as RefusedError,
    ReplyTooLargeError as ReplyTooLargeError,
    ServerError as ServerError,
    SettingsError as SettingsError,
    StatusError as StatusError,
    UnprocessableError as UnprocessableError,
    UnreadableReplyError as UnreadableReplyError,
)
from refold_async.hooks import CallFacts as CallFacts, Hooks as Hooks
from refold_async.results import ActionFailed as ActionFailed, ActionResult as ActionResult
from refold_async.settings import (
    Cache as Cache,
    Options as Options,
    RateLimit as RateLimit,
    RateLimiter as RateLimiter,
    RateLimiterFactory as RateLimiterFactory,
    Retry as Retry,
)
from refold_async.typed import NULL as NULL, TypedResult as TypedResult
from refold_async.settle import Lookup as Lookup, Settle as Settle
from refold_async.walks.walk import Walk as Walk
from refold_async.webhooks import (
    ConnectionCreated as ConnectionCreated,
    ConnectionDeleted as ConnectionDeleted,
    ConnectionExpired as ConnectionExpired,
    UnknownEvent as UnknownEvent,
    WorkflowCompleted as WorkflowCompleted,
    WorkflowErrored as WorkflowErrored,
    parse_webhook as parse_webhook,
    verify_webhook as verify_webhook,
)

__version__: str
__all__: list[str]  # noqa: PYI035 - the names above
