"""`refold batch --settle`: unknown writes are looked up as its options say."""

import json
from pathlib import Path

import click
import pytest

from refold_async import Call
from refold_async.cli.settle_arguments import TemplateLookup
from refold_async.sandbox import Fault, Sandbox

from .conftest import Command

WRITE = ("batch", "hubspot", "create_contact", "--yes")
SETTLE = (
    *("--settle", "search_contacts", "--lookup", "propertyName=email", "--lookup", "operator=EQ"),
    *("--lookup", "value={email}", "--match", "results[].properties.email={email}", "--after", "0.05"),
)


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    """The module's sandbox, without the contacts of earlier tests."""
    server.reset()
    return server


@pytest.fixture
def contacts(tmp_path: Path) -> str:
    path = tmp_path / "contacts.csv"
    path.write_text("linked_account_id,email\ndemo-user-1,a@x.example\ndemo-user-2,b@x.example\n")
    return str(path)


def lines(path: Path) -> list[dict[str, object]]:
    return sorted(
        (json.loads(line) for line in path.read_text().splitlines()), key=lambda line: str(line["index"])
    )


def test_a_lost_write_is_found(refold: Command, sandbox: Sandbox, contacts: str, tmp_path: Path) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", linked_account_id="demo-user-2"))
    out = tmp_path / "out.jsonl"
    ended = refold(*WRITE, "--accounts", contacts, *SETTLE, "--out", str(out))
    assert ended.code == 0, ended.err
    assert "unknown writes looked up: found 1" in ended.out
    first, second = lines(out)
    assert (first["settled"], second["settled"]) == (False, True)
    assert second["data"]["properties"]["email"] == "b@x.example"  # type: ignore[index]


@pytest.mark.parametrize("absent", ["report", "run"])
def test_a_lost_write_that_is_absent(
    refold: Command, sandbox: Sandbox, contacts: str, tmp_path: Path, absent: str
) -> None:
    code, ran = (6, 1) if absent == "report" else (0, 2)
    sandbox.faults.add(Fault(drop="before", effect="write", times=1))
    out = tmp_path / "out.jsonl"
    ended = refold(*WRITE, "--accounts", contacts, *SETTLE, "--absent", absent, "--out", str(out))
    assert (ended.code, len(sandbox.ledger.writes())) == (code, ran)
    verdicts = {str(line.get("verdict")) for line in lines(out)}
    assert verdicts == ({"None", "absent"} if absent == "report" else {"None"})


def test_a_lost_write_that_is_unresolved(
    refold: Command, sandbox: Sandbox, contacts: str, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(drop="after", twice=True, effect="write", times=1))
    out = tmp_path / "out.jsonl"
    assert refold(*WRITE, "--accounts", contacts, *SETTLE, "--out", str(out)).code == 6
    (line,) = [line for line in lines(out) if line["outcome"] == "failed"]
    assert (line["verdict"], line["verdict_reason"]) == ("unresolved", "2 records match")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--lookup", "a=b"), "need --settle"),
        (("--settle", "search_contacts"), "needs --match"),
        (("--settle", "create_contact", "--match", "a[].b=c"), "writes, as its name says"),
        (("--settle", "search_contacts", "--match", "results.email=x"), "is not LIST[].FIELD=VALUE"),
        (("--settle", "search_contacts", "--match", "results[].email"), "is not LIST[].FIELD=VALUE"),
        (("--settle", "search_contacts", "--match", "a[].x=1", "--match", "b[].x=1"), "in the same list"),
        (
            ("--settle", "search_contacts", "--match", "a[].x=1", "--after", "soon"),
            "is not a list of seconds",
        ),
        (("--settle", "search_contacts", "--match", "a[].x=1", "--after", "9,3"), "ascending"),
        (("--settle", "search_contacts", "--match", "a[].x=1", "--lookup", "x"), "is not name=value"),
        (
            ("--settle", "search_contacts", "--match", "a[].x=1", "--lookup", "value={emial}"),
            "'value={emial}': no row has a column 'emial', and no --param sets it; did you mean {email}?",
        ),
        (("--settle", "search_contacts", "--match", "a[].x=<{zzz}>"), "no row has a column 'zzz', and no"),
        (("--settle", "search_contacts", "--match", "a[].x={mail}", "--dry-run"), "did you mean {email}?"),
    ],
)
def test_options_that_cannot_work(
    refold: Command, sandbox: Sandbox, contacts: str, options: tuple[str, ...], said: str
) -> None:
    ended = refold(*[word for word in WRITE if word != "--yes"], "--accounts", contacts, *options)
    assert ended.code == 2
    assert said in " ".join(ended.err.replace("│", " ").split())
    assert sandbox.requests == []


def test_retry_unknown_is_refused_with_settle(refold: Command, contacts: str, tmp_path: Path) -> None:
    journal = ("--journal", str(tmp_path / "job.sqlite"), "--retry-unknown")
    ended = refold(*WRITE, "--accounts", contacts, *SETTLE, *journal)
    assert ended.code == 2
    assert "retry_unknown" in ended.err


CALL = Call("a", "crm", "create", {"email": "x@example.com", "number": 7, "tags": ["a"]})


def test_texts_name_the_calls_own_parameters() -> None:
    lookup = TemplateLookup(
        "search",
        {"value": "{email}", "n": "{number}", "query": "mail:{email} n:{number}"},
        ["[].id={number}"],
    )(CALL)
    assert lookup.params == {"value": "x@example.com", "n": 7, "query": "mail:x@example.com n:7"}
    assert lookup.found([{"id": 7}, {"id": "7"}, {"id": 8}, {}, None]) == [{"id": 7}, {"id": "7"}]


def test_several_conditions_must_all_hold() -> None:
    matches = ["data.items[].mail={email}", "data.items[].active=true"]
    lookup = TemplateLookup("search", {}, matches)(CALL)
    yes = {"mail": "x@example.com", "active": True}
    assert lookup.found({"data": {"items": [yes, {**yes, "active": False}]}}) == [yes]
    with pytest.raises(TypeError, match=r"no list data\.items"):
        lookup.found({"data": []})


def test_a_parameter_that_the_call_lacks() -> None:
    with pytest.raises(ValueError, match="no parameter 'phone'"):
        TemplateLookup("search", {"value": "{phone}"}, ["[].id=1"])(CALL)


@pytest.mark.parametrize("email", [None, "", "null"])
def test_a_parameter_that_is_empty_matches_nothing(email: str | None) -> None:
    """Else the one record without an address would pass for what the call wrote."""
    call = Call("demo-user-1", "hubspot", "create_contact", {"email": email})
    with pytest.raises(ValueError, match=r"the call's \{email\} is empty"):
        TemplateLookup("search", {}, ["results[].email={email}"])(call)
    lookup = TemplateLookup("search", {}, ["[].note=", "[].gone=null"])(call)
    assert lookup.found([{"note": ""}, {"note": "x"}]) == [{"note": ""}]


def test_a_match_needs_a_list() -> None:
    with pytest.raises(click.BadParameter):
        TemplateLookup("search", {}, ["results[]=1"])
