"""Which action ids are taken for reads. To take a write for a read would run it twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.effects import effect_of_action

READS = [
    "get_contact", "list_contacts", "search_contacts", "find_deal", "fetch_invoice",
    "count_rows", "lookup_user", "describe_object", "retrieve_customer", "view_item",
    "get", "list", "GET_CONTACT", "Get_Contact", "getContact", "GetContact", "get-contact", "get.contact",
    "get contact", "list_v2_contacts", "getHTTPStatus", "get_contacts_by_email", "search_deals_2", "list__all",
    "_get_contact", "findAllUsers", "get_settings", "list_updates", "get_creator",
]  # fmt: skip
WRITES = [
    "query_records", "read_file", "httprequest", "http_request", "create_contact", "update_contact", "delete_contact", "upsert_contact",
    "get_or_create_contact", "find_and_delete", "search_and_replace", "list_then_archive", "fetchAndUpdate",
    "getOrCreate", "find-or-create", "lookup_or_insert", "view_mark_read", "send_message", "run_query",
    "execute_query", "", "_", "123", "getaway", "listen", "counter_add", "readme", "findings", "contact_get",
    "unget", "batch_get", "set_list", "query_set", "delete", "récupérer", "获取联系人", "GETcontact",
    "get_contact_and_notify", "merge_list", "describe_patch", "do_get", "post_list", "invoke", "count_reset",
]  # fmt: skip


@pytest.mark.parametrize("action_id", READS)
def test_reads(action_id: str) -> None:
    assert effect_of_action(action_id) == "read"


@pytest.mark.parametrize("action_id", WRITES)
def test_writes(action_id: str) -> None:
    assert effect_of_action(action_id) == "write"


@given(st.text())
def test_any_text_has_an_effect(action_id: str) -> None:
    assert effect_of_action(action_id) in {"read", "write"}


@given(st.sampled_from(READS), st.sampled_from(["create", "or", "and", "delete", "Update", "SEND"]))
def test_a_changing_word_makes_any_read_a_write(action_id: str, word: str) -> None:
    assert effect_of_action(f"{action_id}_{word}_it") == "write"
