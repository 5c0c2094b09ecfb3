"""One run of an action: its effect and its ledger row, in one step of the event loop."""

from collections.abc import Mapping

from refold_async.sandbox.apps import Action, App
from refold_async.sandbox.apps.engine import effect_of, run
from refold_async.sandbox.apps.job import Answer, Job
from refold_async.sandbox.ledger import Ledger
from refold_async.sandbox.state import Account


def run_action(
    ledger: Ledger, account: Account, app: App, action: Action, params: Mapping[str, object]
) -> Answer:
    """Run an action for an account and write it down, before anything is answered."""
    answer = run(Job(app, action, params, lambda name: account.table(app, name)))
    ledger.record(
        linked_account_id=account.account_id,
        slug=app.slug,
        action_id=action.action_id,
        params=params,
        effect=effect_of(app, action, params),
        ok=answer.ok,
    )
    return answer
