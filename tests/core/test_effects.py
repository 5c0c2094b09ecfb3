"""Every word that tells a read from a write, by name, so that none is lost unnoticed."""

import pytest

from refold_async._core.effects import effect_of_action

READING = [
    "get",
    "list",
    "search",
    "find",
    "fetch",
    "read",
    "query",
    "count",
    "lookup",
    "describe",
    "retrieve",
    "view",
]
CHANGING = [
    "add",
    "and",
    "append",
    "approve",
    "archive",
    "assign",
    "associate",
    "attach",
    "cancel",
    "clear",
    "close",
    "convert",
    "create",
    "deactivate",
    "delete",
    "detach",
    "disable",
    "edit",
    "enable",
    "enroll",
    "insert",
    "mark",
    "merge",
    "modify",
    "move",
    "or",
    "patch",
    "publish",
    "purge",
    "put",
    "remove",
    "rename",
    "replace",
    "reset",
    "restore",
    "save",
    "send",
    "set",
    "stop",
    "submit",
    "subscribe",
    "sync",
    "then",
    "toggle",
    "trigger",
    "unlink",
    "unsubscribe",
    "update",
    "upload",
    "upsert",
    "write",
]


@pytest.mark.parametrize("word", READING)
def test_a_reading_word_reads_at_the_start_alone(word: str) -> None:
    assert effect_of_action(f"{word}_contact") == "read"
    assert effect_of_action(word) == "read"
    assert effect_of_action(f"contact_{word}") == "write"


@pytest.mark.parametrize("word", CHANGING)
def test_a_changing_word_writes_wherever_it_stands(word: str) -> None:
    assert effect_of_action(f"get_{word}_contact") == "write"
    assert effect_of_action(f"getContact{word.title()}") == "write"
    assert effect_of_action(f"get_contact_{word}") == "write"


@pytest.mark.parametrize("action_id", ["get_v2_contact", "GET2contacts", "get2", "GetHTTPLog"])
def test_numbers_and_capitals_split_words(action_id: str) -> None:
    assert effect_of_action(action_id) == "read"


@pytest.mark.parametrize("action_id", ["2get", "get_2_create", "getPUT", "2_get_contact"])
def test_a_number_is_a_word_too(action_id: str) -> None:
    assert effect_of_action(action_id) == "write"
