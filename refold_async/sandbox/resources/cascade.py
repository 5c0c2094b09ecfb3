"""What goes with a linked account that is deleted."""

from refold_async.sandbox.resources.datarefs import Datarefs
from refold_async.sandbox.resources.env_variables import EnvVariables
from refold_async.sandbox.resources.executions import Executions
from refold_async.sandbox.resources.workflows import Workflows
from refold_async.sandbox.state import Account, Organisation


def remove_account(organisation: Organisation, account: Account) -> None:
    """Delete an account: its connections, tokens and tables, its workflows, what runs, and its values."""
    account.own(Executions).stop_all()
    organisation.own(Workflows).remove_of(account.account_id)
    organisation.own(Datarefs).remove_where(linked_account_id=account.account_id)
    organisation.own(EnvVariables).values.remove_where(linked_account_id=account.account_id)
    organisation.remove_account(account.account_id)
