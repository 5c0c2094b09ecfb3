from collections.abc import AsyncIterator
from typing import Any

import pytest

from refold_async import Call, KeyAccount, Lookup, Refold, Retry
from refold_async.sandbox import Sandbox

ACCOUNT = "demo-user-1"
ALLOWED = {"hubspot": ["get_contact", "search_contacts", "create_contact"]}
CREATE = "hubspot_create_contact_action"
READ = "hubspot_get_contact_action"


def by_email(call: Call) -> Lookup:
    """Look a contact up by the email that a call writes."""
    email = (call.params or {})["email"]
    params = {"propertyName": "email", "operator": "EQ", "value": email}

    def found(data: Any) -> list[Any]:
        return [each for each in data["results"] if each["properties"]["email"] == email]

    return Lookup("search_contacts", params, found=found)


@pytest.fixture
async def refold(sandbox: Sandbox) -> AsyncIterator[Refold]:
    """Return a client of the sandbox that retries fast."""
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0.001)) as client:
        yield client


@pytest.fixture
def account(sandbox: Sandbox, refold: Refold) -> KeyAccount:
    sandbox.connect(ACCOUNT, "hubspot")
    return refold.account(ACCOUNT)


def written(sandbox: Sandbox) -> list[Any]:
    """Return the parameters of the writes that ran."""
    return [run.params for run in sandbox.ledger.runs if run.effect == "write" and run.ok]
