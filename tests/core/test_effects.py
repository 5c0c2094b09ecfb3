"""Every word that distinguishes a read from a write, by name, so that none is lost unnoticed."""

from pathlib import Path

import pytest

from refold_async._core import effects
from refold_async._core.effects import effect_of_action

READING = "get list search find fetch count lookup describe retrieve view".split()  # noqa: SIM905
CHANGING = """
    abort accept ack acknowledge activate add adjust allocate and append apply approve archive
    assign associate attach authorise authorize backfill ban block book cancel capture charge
    checkin checkout claim clean clear clone close commit complete confirm connect consume convert
    copy create credit deactivate debit decline decrement delete deliver deny deploy deposit dequeue
    destroy detach disable disassociate discard disconnect dismiss dispatch dispute drop duplicate
    edit enable enqueue enrol enroll exec execute expire export extend finalize finish flush forward
    freeze fulfill generate grant halt hide import increment ingest init initialize initiate insert
    install invalidate invite invoke kick kill launch leave lock login logout mark merge migrate
    modify move mutate mutation mute notify optimize or overwrite patch pause pay ping pop prepare
    process promote provision publish pull purge push put quit reactivate rebuild receive reconcile
    recover redeem refresh refund regenerate register reindex reject release reload remove rename
    renew reopen reorder repair replace replay reply reschedule resend reserve reset resolve respond
    restart restore resubmit resume retire retry return reverse revert revoke rollback rotate run
    save send set settle ship sign skip snooze split start stop store submit subscribe suspend swap
    switch sync synchronize terminate then toggle transfer transition trash trigger truncate
    unarchive unassign unblock unfollow unlink unlock unpublish unsubscribe update upgrade upload
    upsert use validate void vote withdraw write
""".split()  # noqa: SIM905


@pytest.mark.parametrize("word", READING)
def test_a_reading_word_reads_at_the_start_alone(word: str) -> None:
    assert effect_of_action(f"{word}_contact") == "read"
    assert effect_of_action(word) == "read"
    assert effect_of_action(f"contact_{word}") == "write"


@pytest.mark.parametrize("word", CHANGING)
def test_a_changing_word_in_any_position_means_a_write(word: str) -> None:
    assert effect_of_action(f"get_{word}_contact") == "write"
    assert effect_of_action(f"getContact{word.title()}") == "write"
    assert effect_of_action(f"get_contact_{word}") == "write"


@pytest.mark.parametrize("action_id", ["get_v2_contact", "GET2contacts", "get2", "GetHTTPLog"])
def test_numbers_and_capitals_split_words(action_id: str) -> None:
    assert effect_of_action(action_id) == "read"


@pytest.mark.parametrize("action_id", ["2get", "get_2_create", "getPUT", "2_get_contact"])
def test_a_number_counts_as_a_word(action_id: str) -> None:
    assert effect_of_action(action_id) == "write"


@pytest.mark.parametrize(
    "action_id",
    [
        "query",
        "query_execute",
        "run_query",
        "read_message",
        "readMessages",
        "list_members_import",
        "fetch_refund",
        "get_and_lock_ticket",
        "retrieve_and_void_invoice",
        "get-or-create-contact",
        "search_and_replace",
        "find_then_delete",
        "getContactExport",
        "get_обновить",
        "getorcreate",
        "httprequest",
        "graphql",
        "",
    ],
)
def test_in_doubt_an_action_writes(action_id: str) -> None:
    assert effect_of_action(action_id) == "write"


@pytest.mark.parametrize(
    "action_id",
    [
        "get_contact", "list_updated_contacts", "get_order", "listMessages", "search-records", "get_refunds",
        "fetch_email", "count_issues", "describe_sobject", "view_report", "lookup_user", "retrieve_file",
    ],
)  # fmt: skip
def test_a_noun_is_not_taken_for_a_verb(action_id: str) -> None:
    assert effect_of_action(action_id) == "read"


def test_the_docs_name_every_word() -> None:
    page = Path("docs/actions.md").read_text(encoding="utf-8")
    for words in (READING, CHANGING):
        assert " ".join(words) in " ".join(page.split())
    assert set(READING) == effects.READING
    assert set(CHANGING) == effects.CHANGING
