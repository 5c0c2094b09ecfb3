import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from refold_async import Account, Found, InvalidCallError, KeyAccount, SettingsError, Settle, Unresolved
from refold_async.agents import ApprovalRequest, ToolAnswer, ToolRecord
from refold_async.agents.settings import ToolOptions
from refold_async.sandbox import Fault, Sandbox

from .conftest import ACCOUNT, ALLOWED, CREATE, READ, by_email, written

LOST = Fault(action_id="create_contact", operation="actions.execute", drop="after", times=1)
NOT_RUN = Fault(action_id="create_contact", operation="actions.execute", drop="before", times=1)
SETTLE = {"hubspot": {"create_contact": Settle(by_email, after=(0,))}}
ANN = {"email": "ann@example.com", "firstname": "Ann"}


def told(answer: ToolAnswer) -> Any:
    return json.loads(answer.to_json())


async def approve_all(request: ApprovalRequest) -> bool:
    return True


async def test_a_read_answers_with_its_data(account: KeyAccount) -> None:
    tools = await account.tools(ALLOWED)
    answer = await tools.call(READ, '{"limit": "2"}')
    assert answer.ok
    assert len(answer.data["results"]) == 2
    assert told(answer)["data"] == answer.data


@pytest.mark.parametrize("name", ["", None, 5, [], {}, "hubspot_get_contact", "\ud800" * 300], ids=repr)
async def test_a_name_that_is_no_tools_is_answered(account: KeyAccount, name: Any) -> None:
    tools = await account.tools(ALLOWED, writes="allow")
    answer = await tools.call(name, {})
    assert not answer.ok
    assert "there is no tool" in told(answer)["error"]


async def test_a_null_for_an_optional_parameter_is_dropped(account: KeyAccount, sandbox: Sandbox) -> None:
    tools = await account.tools(ALLOWED, writes="allow")
    assert (await tools.call(CREATE, {**ANN, "phone": None})).ok
    assert written(sandbox) == [ANN]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ('{"emial": "a@b.c"}', "no parameter 'emial'; did you mean 'email'?"),
        ("{}", "the required parameter 'email' is missing"),
        ('{"email": null}', "the required parameter 'email' is missing"),
        ('{"email": "nobody"}', "the parameter 'email' must be an e-mail address, not 'nobody'"),
        ("{", "the arguments are not JSON"),
        ("[]", "the arguments must be a JSON object, not list"),
        ("[" * 100_000, "the arguments are not JSON"),
        ({1: 2}, "the names of arguments must be strings"),
        ({"email": float("nan")}, "must be an e-mail address"),
        ({"email": "a@b.c", "phone": float("nan")}, "cannot be encoded as JSON"),
        ("x" * 1_000_001, "the arguments are longer than 1000000 bytes"),
    ],
)
async def test_wrong_arguments_are_reported_and_not_sent(
    account: KeyAccount, sandbox: Sandbox, arguments: object, problem: str
) -> None:
    tools = await account.tools(ALLOWED, writes="allow")
    answer = await tools.call(CREATE, arguments)
    assert (answer.ok, answer.fate, answer.retry) == (False, "not_sent", True)
    assert problem in "\n".join(told(answer)["problems"])
    assert not written(sandbox)


async def test_writes_are_denied_unless_asked_for(account: KeyAccount, sandbox: Sandbox) -> None:
    tools = await account.tools(ALLOWED)
    assert CREATE not in tools.names
    assert "not allowed" in told(await tools.call(CREATE, ANN))["error"]
    assert not written(sandbox)


async def test_other_tools_are_refused_by_name(account: KeyAccount) -> None:
    tools = await account.tools(ALLOWED)
    assert told(await tools.call("hubspot_get_contacts_action"))["error"].endswith(f"did you mean {READ!r}?")
    assert not (await tools.call("hubspot_delete_contact_action", {"id": "1"})).ok


BAD: list[tuple[Any, Any, str]] = [
    ({"hubspot": ["get_contcat"]}, {}, "hubspot has no action 'get_contcat'; did you mean 'get_contact'"),
    ({"hubspot": ["httprequest"]}, {}, "unsafe=True"),
    ({"hubspot": ["httpRequest"]}, {}, "unsafe=True"),
    ({"hubspot": "get_contact"}, {}, "must be a list"),
    (["hubspot"], {}, "must be a mapping"),
    (ALLOWED, {"writes": "ask"}, "needs approve"),
    (ALLOWED, {"writes": "yes"}, "writes must be"),
    (ALLOWED, {"max_bytes": 10}, "max_bytes must be"),
    (ALLOWED, {"settle": {"hubspot": {"create_contcat": by_email}}}, "settle is for hubspot/create_contcat"),
    (ALLOWED, {"settle": {"hubspot": {"create_contact": "email"}}}, "must be a function of a Call"),
    (ALLOWED, {"settle": [by_email]}, "settle must be a mapping of mappings"),
    (ALLOWED, {"effects": {"hubspot": {"get": "read"}}}, "effects is for hubspot/get, which is not allowed"),
    (ALLOWED, {"workflows": {"hubspot": ["no-such"]}}, "no workflow 'no-such'"),
]


@pytest.mark.parametrize(("allowed", "options", "message"), BAD)
async def test_settings_that_cannot_work_fail_at_load(
    account: KeyAccount, allowed: Any, options: ToolOptions, message: str
) -> None:
    with pytest.raises(SettingsError, match=message.replace("?", r"\?")):
        await account.tools(allowed, **options)


async def test_a_lost_write_that_was_done_is_never_repeated(account: KeyAccount, sandbox: Sandbox) -> None:
    tools = await account.tools(ALLOWED, writes="allow", settle=SETTLE)
    sandbox.faults.add(LOST)
    lost = await tools.call(CREATE, ANN)
    assert (lost.fate, lost.retry) == ("unknown", False)
    assert [call.params for call in tools.unsettled[CREATE]] == [ANN]
    again = await tools.call(CREATE, ANN)
    assert again.ok
    assert again.data["properties"]["email"] == ANN["email"]
    varied = await tools.call(CREATE, {**ANN, "firstname": "Anna"})
    assert (varied.ok, varied.fate) == (False, "not_sent")
    assert varied.data["properties"]["email"] == ANN["email"]
    assert written(sandbox) == [ANN]
    other = {"email": "bob@example.com"}
    assert (await tools.call(CREATE, other)).ok
    assert written(sandbox) == [ANN, other]


async def test_a_lost_write_that_was_not_done_reopens_its_action(
    account: KeyAccount, sandbox: Sandbox
) -> None:
    tools = await account.tools(ALLOWED, writes="allow", settle=SETTLE)
    sandbox.faults.add(NOT_RUN)
    assert (await tools.call(CREATE, ANN)).fate == "unknown"
    assert (await tools.call(CREATE, ANN)).ok
    assert written(sandbox) == [ANN]


async def test_absent_is_not_concluded_before_its_time(account: KeyAccount, sandbox: Sandbox) -> None:
    tools = await account.tools(ALLOWED, writes="allow", settle={"hubspot": {"create_contact": by_email}})
    sandbox.faults.add(NOT_RUN)
    await tools.call(CREATE, ANN)
    answer = await tools.call(CREATE, ANN)
    assert not answer.ok
    assert isinstance(answer.verdict, Unresolved)
    assert "absent is concluded in 1" in answer.verdict.reason
    tools.reopen(CREATE)
    assert (await tools.call(CREATE, ANN)).ok


async def test_an_action_without_a_look_up_stays_closed_reads_or_not(
    account: KeyAccount, sandbox: Sandbox
) -> None:
    tools = await account.tools(ALLOWED, writes="allow")
    sandbox.faults.add(LOST)
    await tools.call(CREATE, ANN)
    assert (await tools.call(READ, {})).ok
    for params in (ANN, {"email": "other@example.com"}):
        assert not (await tools.call(CREATE, params)).ok
    assert written(sandbox) == [ANN]


async def test_the_host_may_reopen_while_it_sees_the_verdict(account: KeyAccount, sandbox: Sandbox) -> None:
    seen: list[ApprovalRequest] = []

    async def approve(request: ApprovalRequest) -> bool:
        seen.append(request)
        return True

    tools = await account.tools(ALLOWED, writes="ask", approve=approve)
    sandbox.faults.add(LOST)
    await tools.call(CREATE, ANN)
    assert (await tools.call(CREATE, {**ANN, "email": "b@example.com"})).ok
    assert seen[0] == ApprovalRequest(
        account=ACCOUNT, slug="hubspot", action_id="create_contact", params=ANN, effect="write"
    )
    assert isinstance(seen[1].verdict, Unresolved)
    assert not tools.unsettled


async def test_the_host_sees_that_a_lost_write_was_found(account: KeyAccount, sandbox: Sandbox) -> None:
    seen: list[object] = []

    async def approve(request: ApprovalRequest) -> bool:
        seen.append(request.verdict)
        return True

    tools = await account.tools(ALLOWED, writes="ask", approve=approve, settle=SETTLE)
    sandbox.faults.add(LOST)
    await tools.call(CREATE, ANN)
    await tools.call(CREATE, {"email": "b@example.com"})
    assert isinstance(seen[1], Found)


@pytest.mark.parametrize("said", [False, None, "yes", 1])
async def test_only_true_approves(account: KeyAccount, sandbox: Sandbox, said: Any) -> None:
    async def approve(request: ApprovalRequest) -> bool:
        result: bool = said
        return result

    tools = await account.tools(ALLOWED, writes="ask", approve=approve)
    answer = await tools.call(CREATE, ANN)
    assert "did not approve" in told(answer)["error"]
    assert not written(sandbox)


async def test_an_approval_expires(account: KeyAccount, sandbox: Sandbox) -> None:
    async def approve(request: ApprovalRequest) -> bool:
        await asyncio.Event().wait()
        return True

    tools = await account.tools(ALLOWED, writes="ask", approve=approve, approval_timeout=0.01)
    assert not (await tools.call(CREATE, ANN)).ok
    assert not written(sandbox)


async def test_changing_the_request_changes_nothing_that_is_sent(
    account: KeyAccount, sandbox: Sandbox
) -> None:
    async def approve(request: ApprovalRequest) -> bool:
        params: Any = request.params
        params["email"] = "evil@example.com"
        return True

    tools = await account.tools(ALLOWED, writes="ask", approve=approve)
    await tools.call(CREATE, ANN)
    assert written(sandbox) == [ANN]


async def test_an_exception_of_approve_is_raised_to_the_host(account: KeyAccount) -> None:
    async def approve(request: ApprovalRequest) -> bool:
        raise TimeoutError("the person's own")

    tools = await account.tools(ALLOWED, writes="ask", approve=approve)
    with pytest.raises(TimeoutError, match="own"):
        await tools.call(CREATE, ANN)


async def test_a_cancelled_write_closes_its_action(account: KeyAccount, sandbox: Sandbox) -> None:
    tools = await account.tools(ALLOWED, writes="allow")
    sandbox.faults.add(
        Fault(action_id="create_contact", operation="actions.execute", hang=True, when="after")
    )
    call = asyncio.create_task(tools.call(CREATE, ANN))
    while not written(sandbox):  # noqa: ASYNC110 - the sandbox has no event for it
        await asyncio.sleep(0.001)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    sandbox.faults.clear()
    assert not (await tools.call(CREATE, ANN)).ok
    assert written(sandbox) == [ANN]


async def test_parallel_calls_of_one_write_wait_for_each_other(account: KeyAccount, sandbox: Sandbox) -> None:
    tools = await account.tools(ALLOWED, writes="allow", settle=SETTLE)
    sandbox.faults.add(LOST)
    first, second = await asyncio.gather(tools.call(CREATE, ANN), tools.call(CREATE, ANN))
    assert (first.fate, second.ok) == ("unknown", True)
    assert written(sandbox) == [ANN]


async def test_a_reconnect_is_reported_to_the_host_and_not_to_the_model(
    sandbox: Sandbox, account: KeyAccount
) -> None:
    tools = await account.tools(ALLOWED)
    sandbox.disconnect(ACCOUNT, "hubspot")
    answer = await tools.call(READ, {})
    assert (answer.needs_reconnect, answer.retry) == (True, False)
    assert "connect the app again" in told(answer)["error"]
    link = await tools.reconnect_link()
    assert link.hosted_url
    assert link.hosted_url not in answer.to_json()


async def test_the_account_of_a_token_has_a_reconnect_link_too(
    sandbox: Sandbox, refold: Any, account: KeyAccount
) -> None:
    session = await refold.session_tokens.create(ACCOUNT)
    records: list[ToolRecord] = []
    async with Account.from_token(session.token, base_url=sandbox.base_url) as own:
        tools = await own.tools(ALLOWED, on_call=records.append)
        sandbox.disconnect(ACCOUNT, "hubspot")
        answer = await tools.call(READ, {})
        link = await tools.reconnect_link({"redirect_url": "https://example.com"})
    assert answer.needs_reconnect
    assert records[0].needs_reconnect
    assert session.token not in answer.to_json()
    assert str(link.hosted_url).startswith("http")


async def test_a_token_of_nobody_has_no_reconnect_link(sandbox: Sandbox, refold: Any) -> None:
    sandbox.connect(ACCOUNT, "hubspot")
    session = await refold.session_tokens.create(ACCOUNT)
    async with Account.from_token(session.token, base_url=sandbox.base_url) as own:
        tools = await own.tools(ALLOWED)
        sandbox.faults.add(Fault(operation="linked_account.get", garbage=b"{}"))
        with pytest.raises(InvalidCallError, match="no link: the service does not say whose"):
            await tools.reconnect_link()


async def test_the_model_sees_no_account_host_key_or_request(sandbox: Sandbox, account: KeyAccount) -> None:
    tools = await account.tools(ALLOWED)
    secrets = f"{ACCOUNT} {sandbox.api_key} {sandbox.base_url}"
    execute = "actions.execute"
    sandbox.faults.add(Fault(operation=execute, status=400, message=f"no: {secrets}", times=1))
    sandbox.faults.add(
        Fault(
            operation=execute, node_status="Success", data={"a": secrets, ACCOUNT: [f"x {secrets}"]}, times=1
        )
    )
    sandbox.faults.add(
        Fault(operation=execute, node_status="Failed", http_status=404, data={"a": secrets}, times=1)
    )
    host = sandbox.base_url.partition("//")[2]
    for _ in range(3):
        answer = await tools.call(READ, {})
        text = answer.to_json()
        for secret in (ACCOUNT, sandbox.api_key, host):
            assert secret not in text
        request_id = None if answer.exception is None else answer.exception.request_id
        assert request_id is None or request_id not in text


async def test_each_call_is_recorded(account: KeyAccount, caplog: pytest.LogCaptureFixture) -> None:
    records: list[ToolRecord] = []

    def on_call(record: ToolRecord) -> None:
        records.append(record)
        raise RuntimeError

    tools = await account.tools(ALLOWED, on_call=on_call)
    assert (await tools.call(READ, {})).ok
    await tools.call("other")
    assert [(each.tool, each.action_id, each.ok, each.account) for each in records] == [
        (READ, "get_contact", True, ACCOUNT),
        ("other", None, False, ACCOUNT),
    ]
    assert "on_call raised" in caplog.text


async def test_the_tools_of_a_token_are_its_customers(
    sandbox: Sandbox, refold: Any, account: KeyAccount
) -> None:
    session = await refold.session_tokens.create(ACCOUNT)
    async with Account.from_token(session.token, base_url=sandbox.base_url) as own:
        tools = await own.tools(ALLOWED, writes="allow", settle=SETTLE)
        sandbox.faults.add(LOST)
        assert (await tools.call(CREATE, ANN)).fate == "unknown"
        assert (await tools.call(CREATE, ANN)).ok
        text = (await tools.call(READ, {})).to_json()
    assert session.token not in text
    assert [
        (run.linked_account_id, run.action_id) for run in sandbox.ledger.runs if run.effect == "write"
    ] == [(ACCOUNT, "create_contact")]


async def test_many_tools_are_found_by_search(account: KeyAccount) -> None:
    listed = {
        slug: await account.actions.list(slug) for slug in ("hubspot", "salesforce", "slack", "netsuite")
    }
    ids = {slug: [str(each.action_id) for each in actions] for slug, actions in listed.items()}
    tools = await account.tools(ids, writes="allow", unsafe=True)
    assert len(tools.names) > 30
    assert [each["name"] for each in tools.openai()] == ["search_tools", "call_tool"]
    found = await tools.call("search_tools", {"query": "find contacts in hubspot"})
    assert "hubspot_search_contacts_action" in [each["name"] for each in found.data]
    read = {"name": READ, "arguments": '{"limit": "1"}'}
    assert (await tools.call("call_tool", read)).ok
    assert (await tools.call("call_tool", json.dumps({**read, "arguments": {"limit": "1"}}))).ok
    for wrong in ({}, {"name": "call_tool"}, "[]", {"name": READ, "arguments": "["}):
        assert not (await tools.call("call_tool", wrong)).ok
    assert not (await tools.call("search_tools", {})).ok


def test_importing_the_package_loads_none_of_it() -> None:
    code = (
        "import sys, refold_async; refold_async.Refold;"
        "print([name for name in sys.modules if name.startswith(('refold_async.agents', 'mcp'))])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


async def test_a_workflow_is_a_tool(account: KeyAccount, sandbox: Sandbox) -> None:
    found = await account.workflows.enabled()
    workflow_id = str(found[0].id)
    tools = await account.tools({}, workflows={"hubspot": [workflow_id]}, writes="allow")
    (name,) = tools.names
    assert name.startswith("hubspot_")
    assert name.endswith("_workflow")
    assert (await tools.call(name, {"email": "a@example.com"})).ok
    sandbox.faults.add(Fault(operation="workflows.execute", drop="after", times=1))
    assert (await tools.call(name, {"email": "a@example.com"})).fate == "unknown"
    assert not (await tools.call(name, {"email": "a@example.com"})).ok
