"""The router, the scopes of routes and the state of resources."""

import aiohttp
import pytest

from refold_async.sandbox import Sandbox
from refold_async.sandbox.faults import Fault
from refold_async.sandbox.requests import SandboxRequest, Scope
from refold_async.sandbox.responses import Refused, SandboxResponse, envelope, success
from refold_async.sandbox.routing import Route, Router
from refold_async.sandbox.state import Organisation, StoredAccount

from .raw_client import RawClient


class Visits:
    """The state of one resource, one for each owner."""

    def __init__(self, owner: Organisation | StoredAccount) -> None:
        self.owner = owner
        self.count = 0


async def visit(request: SandboxRequest) -> SandboxResponse:
    owner = request.account_or_none or request.organisation
    visits = owner.own(Visits)
    visits.count += 1
    return success({"visits": visits.count, "owner": visits.owner is owner, "query": request.query("q")})


async def refuse(request: SandboxRequest) -> SandboxResponse:
    raise Refused(envelope(409, f"No {request.path_params['name']}", code="TAKEN", error_type="OTHER"))


async def need_account(request: SandboxRequest) -> SandboxResponse:
    return success(request.account.account_id)


def route(scope: Scope) -> Route:
    return Route(f"visits.{scope}", "GET", f"/visits/{scope}", visit, scope)


SCOPES: tuple[Scope, ...] = ("organisation", "account", "account_key", "token", "either", "public")
EXTRA = (
    *(route(scope) for scope in SCOPES),
    Route("visits.refuse", "POST", "/visits/{name}/refuse", refuse, effect="read"),
    Route("visits.own", "GET", "/visits/own", need_account),
    Route("visits.webhooks", "GET", "/api/v2/public/webhook", visit),
)

KEY_ERROR, NO_TOKEN, NO_ACCOUNT = (
    "Invalid Credentials",
    "Authorization Token Missing",
    "Linked account id is required with API Key, for this resource",
)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("organisation", {"key": 200, "key_and_account": 200, "token": KEY_ERROR, "nothing": KEY_ERROR}),
        ("account", {"key": NO_ACCOUNT, "key_and_account": 200, "token": 200, "nothing": KEY_ERROR}),
        (
            "account_key",
            {"key": NO_ACCOUNT, "key_and_account": 200, "token": KEY_ERROR, "nothing": KEY_ERROR},
        ),
        ("token", {"key": NO_TOKEN, "key_and_account": NO_TOKEN, "token": 200, "nothing": NO_TOKEN}),
        ("either", {"key": 200, "key_and_account": 200, "token": 200, "nothing": KEY_ERROR}),
        ("public", {"key": 200, "key_and_account": 200, "token": 200, "nothing": 200}),
    ],
)
async def test_scopes_decide_who_may_call(
    session: aiohttp.ClientSession, scope: str, expected: dict[str, str | int]
) -> None:
    async with Sandbox(routes=EXTRA) as sandbox:
        raw_client = RawClient(sandbox, session)
        callers = {
            "key": raw_client.headers(None),
            "key_and_account": raw_client.headers(),
            "token": {"Authorization": f"Bearer {sandbox.issue_token('demo-user-1')}"},
            "nothing": {},
        }
        for name, headers in callers.items():
            answer = await raw_client.call("GET", f"/visits/{scope}", headers=headers)
            assert expected[name] == (200 if answer.status == 200 else answer.json["message"]), name


async def test_state_belongs_to_its_owner(session: aiohttp.ClientSession) -> None:
    async with Sandbox(routes=EXTRA) as sandbox:
        raw_client = RawClient(sandbox, session)
        counts = [
            (await raw_client.get("/visits/either?q=1", account)).json
            for account in (None, "demo-user-1", "demo-user-2", "demo-user-1", None)
        ]
        assert [each["visits"] for each in counts] == [1, 1, 1, 2, 2]
        assert all(each["owner"] and each["query"] == "1" for each in counts)
        sandbox.reset()
        assert (await raw_client.get("/visits/either", None)).json["visits"] == 1


async def test_an_additional_route_replaces_a_documented_one(session: aiohttp.ClientSession) -> None:
    async with Sandbox(routes=EXTRA, faults=[Fault(status=503, operation="visits.own")]) as sandbox:
        raw_client = RawClient(sandbox, session)
        assert (await raw_client.get("/api/v2/public/webhook")).status == 200
        assert (await raw_client.get("/visits/own")).status == 503


async def test_a_refusal_is_sent_in_the_envelope(session: aiohttp.ClientSession) -> None:
    async with Sandbox(routes=EXTRA, faults=[Fault(status=503, effect="write")]) as sandbox:
        raw_client = RawClient(sandbox, session)
        answer = await raw_client.call("POST", "/visits/x%20y/refuse", headers=raw_client.headers())
        assert answer.json == {
            "status_code": 409,
            "http_error_type": "OTHER",
            "error_code": "TAKEN",
            "message": "No x y",
        }


async def test_a_failing_handler_is_a_500_and_is_logged(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with Sandbox(routes=EXTRA) as sandbox:
        assert (await RawClient(sandbox, session).get("/visits/own")).status == 500
    assert "which may lack an account" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "operation", "params"),
    [
        ("GET", "/a/event", "literal", {}),
        ("GET", "/a/b%2Fc", "named", {"x": "b/c"}),
        ("GET", "/a/event/more", "deep", {"x": "event"}),
        ("GET", "/a/event/end", "end", {}),
        ("GET", "/a/event/", None, {}),
        ("PUT", "/a/event", "put", {"x": "event"}),
        ("POST", "/a/event", None, {}),
        ("GET", "/a//more", None, {}),
        ("GET", "/a", None, {}),
        ("GET", "", None, {}),
    ],
)
def test_routing(method: str, path: str, operation: str | None, params: dict[str, str]) -> None:
    router = Router(
        [
            Route("named", "GET", "/a/{x}", visit),
            Route("literal", "GET", "/a/event", visit),
            Route("deep", "GET", "/a/{x}/more", visit),
            Route("end", "GET", "/a/event/end", visit),
            Route("put", "PUT", "/a/{x}", visit),
        ]
    )
    found = router.find(method, path)
    assert (found and found[0].operation) == operation
    assert found is None or found[1] == params
