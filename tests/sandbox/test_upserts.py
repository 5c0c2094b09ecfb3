"""Upserts by a field, and searches for it: what makes a look-up exact."""

from typing import NamedTuple

import pytest

from refold_async.sandbox import Sandbox

from .raw_client import RawClient


class Marked(NamedTuple):
    """A write with a marker of the caller's own, in the last of its parameters, and how to search for that."""

    slug: str
    write: str
    search: str
    params: dict[str, str]


LEAD = {"LastName": "Ito", "Company": "Acme", "External_Id__c": "sync/1"}
INVOICE = {"customer": "Acme", "total": "10", "externalId": "sync/1"}
CONTACT = {"email": "sync-1@example.com"}

UPSERTS = [
    Marked("hubspot", "upsert_contact", "search_contacts", CONTACT),
    Marked("salesforce", "upsert_lead", "search_leads", LEAD),
    Marked("netsuite", "upsert_invoice", "search_invoices", INVOICE),
]
CREATES = [
    Marked("hubspot", "create_contact", "search_contacts", CONTACT),
    Marked("salesforce", "create_lead", "search_leads", LEAD),
    Marked("netsuite", "create_invoice", "search_invoices", INVOICE),
]


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("marked", UPSERTS + CREATES, ids=lambda marked: marked.write)
async def test_a_marker_is_found(raw_client: RawClient, sandbox: Sandbox, marked: Marked, times: int) -> None:
    sandbox.connect("demo-user-1", marked.slug)
    written = [
        (await raw_client.execute(marked.slug, marked.write, marked.params)).data["id"] for _ in range(times)
    ]
    field, value = list(marked.params.items())[-1]
    by_field = {"propertyName": field, "operator": "EQ", "value": value}
    found = (await raw_client.execute(marked.slug, marked.search, by_field)).data
    records = found.get("results") or found["records"]
    assert [record["id"] for record in records] == sorted(set(written))
    assert len(records) == (1 if marked in UPSERTS else times)
