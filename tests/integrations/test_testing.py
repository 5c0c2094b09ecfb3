"""The messages of failed assertions on the ledger, and what a recording contains."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from refold_async import NotFoundError, Refold, ServerError
from refold_async.sandbox import SandboxThread
from refold_async.testing import Recording, ScriptedSandbox, recording, replaying
from refold_async.testing.exchanges import CUT, Scrubber, save


@pytest.fixture
def scripted(_refold_sandbox_running: ScriptedSandbox) -> ScriptedSandbox:
    _refold_sandbox_running.reset()
    return _refold_sandbox_running


@pytest.fixture(scope="module")
def _refold_sandbox_running() -> Iterator[ScriptedSandbox]:
    sandbox = ScriptedSandbox(accounts=10)
    with SandboxThread(sandbox):
        yield sandbox


def ran(sandbox: ScriptedSandbox, account: str = "demo-user-1", **params: object) -> None:
    sandbox.ledger.record(
        linked_account_id=account,
        slug="hubspot",
        action_id="create_contact",
        params=params,
        effect="write",
        ok=True,
    )


CREATE = ("hubspot", "create_contact")


def test_matching_runs_are_returned(scripted: ScriptedSandbox) -> None:
    ran(scripted, email="a@example.com", tags=["x"])
    [run] = scripted.assert_ran(*CREATE, {"email": ANY, "tags": ["x"]}, linked_account_id="demo-user-1")
    assert run.number == 1
    scripted.assert_not_ran("hubspot", "delete_contact")
    scripted.assert_not_ran(*CREATE, linked_account_id="demo-user-2")
    scripted.assert_nothing_twice()


def test_assert_ran_reports_that_nothing_ran(scripted: ScriptedSandbox) -> None:
    with pytest.raises(AssertionError) as caught:
        scripted.assert_ran(*CREATE, {"email": "a"}, linked_account_id="demo-user-1")
    assert str(caught.value) == (
        "hubspot/create_contact for 'demo-user-1' with {'email': 'a'} ran never, not once.\nNothing ran."
    )


def test_assert_ran_reports_the_closest_runs(scripted: ScriptedSandbox) -> None:
    ran(scripted, "demo-user-2", email="b")
    ran(scripted, email="b")
    with pytest.raises(AssertionError) as caught:
        scripted.assert_ran(*CREATE, {"email": "a", "name": "A"}, linked_account_id="demo-user-1")
    assert str(caught.value).splitlines()[1:] == [
        "Of the 2 runs, these are the closest:",
        """  #2 hubspot/create_contact for 'demo-user-1': {"email":"b"} (done)""",
        "      email is 'b', not 'a'; name is missing",
        """  #1 hubspot/create_contact for 'demo-user-2': {"email":"b"} (done)""",
        "      linked_account_id is 'demo-user-2', not 'demo-user-1'; email is 'b', not 'a'; name is missing",
    ]


def test_an_unexpected_parameter(scripted: ScriptedSandbox) -> None:
    ran(scripted, email="a", phone="1")
    with pytest.raises(AssertionError, match="phone is '1', and was not expected"):
        scripted.assert_ran(*CREATE, {"email": "a"})


def test_assert_ran_reports_too_many_runs(scripted: ScriptedSandbox) -> None:
    for _ in range(7):
        ran(scripted, email="a")
    with pytest.raises(AssertionError) as caught:
        scripted.assert_ran(*CREATE, times=2)
    lines = str(caught.value).splitlines()
    assert lines[0] == "hubspot/create_contact ran 7 times, not twice."
    assert lines[1] == """  #1 hubspot/create_contact for 'demo-user-1': {"email":"a"} (done)"""
    assert lines[-1] == "  … and 2 more"
    with pytest.raises(AssertionError, match="1 of the writes ran more than once:\n  #1 hubspot"):
        scripted.assert_nothing_twice()
    with pytest.raises(AssertionError, match="any write ran 7 times, not never"):
        scripted.assert_nothing_written()


async def ask(recorded: Recording, *, account: str = "demo-user-1", limit: str = "1") -> Any:
    async with recorded.client() as refold:
        result = await refold.account(account).actions.execute("hubspot", "get_contact", {"limit": limit})
        return result.data


async def test_responses_are_saved_and_replayed(scripted: ScriptedSandbox, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "answers.json"
    scripted.answer("hubspot", "get_contact", {"n": 1}, {"n": 2})
    with recording(path, base_url=scripted.base_url, api_key=scripted.api_key) as recorded:
        assert recorded.recorded
        assert [await ask(recorded), await ask(recorded)] == [{"n": 1}, {"n": 2}]
        async with recorded.client() as refold:
            with pytest.raises(NotFoundError):
                await refold.account("demo-user-1").actions.list("no-such-app")
    scripted.reset()
    with replaying(path) as recorded:
        assert not recorded.recorded
        assert [await ask(recorded), await ask(recorded)] == [{"n": 1}, {"n": 2}]
        async with Refold("tk_any", base_url=recorded.base_url) as refold:
            with pytest.raises(NotFoundError, match="no-such-app"):
                await refold.account("demo-user-1").actions.list("no-such-app")
    assert scripted.requests == []


async def test_an_unrecorded_request_fails_the_replay(scripted: ScriptedSandbox, tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    with recording(path, base_url=scripted.base_url, api_key=scripted.api_key) as recorded:
        await ask(recorded)
    with (
        pytest.raises(AssertionError) as caught,
        replaying(path) as recorded,
        pytest.raises(ServerError, match="NOT_RECORDED"),
    ):
        await ask(recorded, limit="2")
    text = str(caught.value)
    assert (
        """POST /api/v2/integration-schema/hubspot/actions/get_contact/execute for 'demo-user-1' with {"limit":"2"}"""
        in text
    )
    assert "These recorded requests were not made:" in text
    assert "--refold-record" in text


def test_a_missing_recording_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--refold-record"), replaying(tmp_path / "none.json"):
        pass


async def test_no_secret_is_saved(scripted: ScriptedSandbox, tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    token = scripted.issue_token("demo-user-2")
    answer = {"access_token": "at-1", "list": [{"clientSecret": "cs-2"}], "echo": f"key {scripted.api_key}"}
    scripted.answer("hubspot", "get_contact", answer)
    scripted.answer("hubspot", "create_contact", {"mail": "jane@customer.example", "also": "hush"})
    with recording(
        path,
        base_url=scripted.base_url,
        api_key=scripted.api_key,
        secrets=["hush"],
        renamed={"jane@customer.example": "user@example.com"},
    ) as recorded:
        data = await ask(recorded)
        assert data["access_token"] == "at-1"
        from refold_async import Account

        async with Account.from_token(token, base_url=recorded.base_url) as account:
            params = {"email": "jane@customer.example", "password": "pw-3"}
            await account.actions.execute("hubspot", "create_contact", params)
    text = path.read_text()
    for secret in (scripted.api_key, token, "at-1", "cs-2", "pw-3", "jane", "hush"):
        assert secret not in text
    saved = json.loads(text)
    assert json.loads(saved[0]["answered"]["body"])["data"]["list"] == [{"clientSecret": CUT}]
    assert saved[1]["asked"]["body"] == {"email": "user@example.com", "password": CUT}


@pytest.mark.parametrize(
    "body",
    [
        '{"access_token": "HUSH"}',
        '{"tokens": ["HUSH", {"value": "HUSH"}]}',
        '{"secret": {"value": "HUSH"}}',
        '{"password": 0.5, "passcode": "HUSH"}',
        '{"name": "Authorization", "value": "Basic HUSH"}',
        '{"key": "API_KEY", "value": {"plain": 1, "value": "HUSH"}}',
        '{"access_token": "HUSH", "access_token": ""}',
        '{"said": "{\\"refresh_token\\": \\"HUSH\\"}"}',
        '{"said": "Authorization: Bearer HUSH"}',
        '{"said": "eyJhbGciOi.HUSH.HUSH"}',
        '{"url": "https://x.example/a?page=1&access_token=HUSH#top"}',
        '{"url": "https://jane:HUSH@x.example/"}',
        '{"pem": "-----BEGIN RSA PRIVATE KEY-----\\nHUSH\\n-----END RSA PRIVATE KEY-----"}',
        "grant_type=code&client_secret=HUSH",
        'cut off: {"clientSecret": "HUSH',
    ],
)
def test_secrets_are_cut(body: str) -> None:
    scrubber = Scrubber()
    assert "HUSH" not in scrubber.answer(body.encode())
    assert "HUSH" not in str(scrubber.body(body.encode()))


TOKENS = [
    "xoxb-1234567890-HUSHHUSH", "xoxp-12-34-HUSH", "xapp-1-A0-HUSH", "sk_live_4eC39HqLyjWHUSHx", "rk_test_51H8HUSHHUSHHUSH",
    "whsec_5f2HUSHHUSHHUSHHUSH", "sk-proj-1HUSHHUSHHUSHHUSH", "sk-ant-api03-HUSHHUSHHUSH", "AKIAIOSF0DNN7HUSHXYZ",
    "ASIAIOSF0DNN7HUSHXYZ", "AIzaSyD1HUSHHUSHHUSHHUSHHUSHHUSHHUSHHU", "ya29.a0HUSHHUSHHUSH", "ghp_16C7e42F292c6912E7HUSH",
    "github_pat_11ABCDEFG0HUSHHUSHHUSH", "glpat-1HUSHHUSHHUSHHUSHHUSH", "shpat_1HUSHHUSHHUSHHUSH",
    "pat-na1-1234HUSH-5678-HUSH", "SG.1HUSHHUSH.HUSHHUSHHUSH", "npm_1HUSHHUSHHUSHHUSHHUSH", "Basic dXNlcjpHUSH0HUSH==",
]  # fmt: skip
"""What services call their keys, in free text."""


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("text", ["{}", "the key is {}, keep it", "a={}&b=1", "({})", "'{}'", "x:{}"])
def test_a_services_own_key_is_cut_wherever_it_is(token: str, text: str) -> None:
    body = json.dumps({"note": text.format(token), "list": [text.format(token)]})
    scrubber = Scrubber()
    assert "HUSH" not in scrubber.answer(body.encode())
    assert "HUSH" not in str(scrubber.body(body.encode()))
    assert "HUSH" not in scrubber.text(text.format(token))


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_a_new_recording_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        save(tmp_path / "answers.json", [])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "answers.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "body",
    [
        '{"plan": "Basic understanding of internationalization", "id": "sk-eleton-of-a-very-long-name"}',
        '{"credentials": [{"id": "c-1", "name": "HubSpot"}], "token": ""}',
        '{"properties": {"token": {"type": "string", "required": true}}}',
        '{"said": "a secret meeting at https://x.example:8080/a?b=c, mail a@b.example"}',
    ],
)
def test_text_without_secrets_is_unchanged(body: str) -> None:
    assert Scrubber().answer(body.encode()) == body


def test_renamed_strings_are_replaced_in_urls_too() -> None:
    scrubber = Scrubber(["k/1"], {"jane@customer.example": "user@example.com"})
    assert scrubber.text("/of/jane%40customer.example?q=k%2F1") == f"/of/user%40example.com?q={CUT}"


def test_secrets_in_a_query_are_cut_and_plain_names_are_not() -> None:
    scrubber = Scrubber(["k1"])
    assert (
        scrubber.text("/a/k1?page=2&access_token=x&limit=3") == f"/a/{CUT}?page=2&access_token={CUT}&limit=3"
    )
    assert scrubber.body(b'{"tokens_used": 0, "page": 2, "ok": true, "name": "k1"}') == {
        "tokens_used": CUT, "page": 2, "ok": True, "name": CUT,
    }  # fmt: skip
    assert scrubber.body(b"no json k1") == f"no json {CUT}"
    assert scrubber.body(b"") is None
    assert scrubber.answer(b'{"a":1e2}') == '{"a":1e2}'
