"""Hosted connect: the address of the page on which a customer connects apps, and the page's properties."""

from collections.abc import Mapping
from urllib.parse import quote

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import Account

CONNECT_SECONDS = 24 * 3600


class ConnectSession:
    """The latest connect session of one linked account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.properties: Mapping[str, object] = {}


async def create_url(call: Call) -> Reply:
    """An address that bears a token of the account; the body is kept for the page."""
    account_id = call.query("linked_account_id")
    if not account_id:
        raise refused(400, "linked_account_id is required", field="error")
    if account_id != call.account.account_id:
        raise refused(403, "The token is bound to another linked account", field="error")
    call.account.own(ConnectSession).properties = call.params
    token = call.organisation.issue_token(account_id, CONNECT_SECONDS)
    config_id = call.query("config_id")
    more = f"?config_id={quote(config_id, safe='')}" if config_id else ""
    origin = f"{call.request.scheme}://{call.request.host}"
    return success({"hosted_url": f"{origin}/connect/{token}{more}"})


async def get_properties(call: Call) -> Reply:
    """What was kept for the page, empty where nothing was."""
    return success(call.account.own(ConnectSession).properties)


ROUTES = (
    Route("hosted_connect.create_url", "POST", "/api/v2/public/connect-url", create_url, "token"),
    Route("hosted_connect.properties", "GET", "/api/v2/public/hosted-properties", get_properties, "token"),
)
