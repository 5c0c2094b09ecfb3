"""A call is frozen when it is made: what happens to its dict later changes neither what is sent nor its key."""

import copy
import pickle
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from refold_async import Call, Done, Failed, InvalidCallError, Refold
from refold_async.calls import check, encoded_params
from refold_async.sandbox import Sandbox

NAMES = [f"demo-user-{number}" for number in range(1, 21)]


def reusing(changes: str) -> Iterator[Call]:
    """Yield calls that share one dict, changed before or after each one is made."""
    params: dict[str, Any] = {"list": "7", "properties": {"email": ""}, "tags": []}
    for name in NAMES:
        params["email"] = params["properties"]["email"] = f"{name}@example.com"
        params["tags"][:] = [name]
        yield Call(name, "hubspot", "create_contact", params)
        if changes == "cleared":
            params["properties"].clear()


async def asynchronously(calls: Iterator[Call]) -> AsyncIterator[Call]:
    for call in calls:
        yield call


@pytest.mark.parametrize("journaled", [False, True])
@pytest.mark.parametrize("kind", ["generator", "list", "async"])
@pytest.mark.parametrize("changes", ["overwritten", "cleared"])
async def test_each_customer_gets_its_own_data(
    sandbox: Sandbox, tmp_path: Path, journaled: bool, kind: str, changes: str
) -> None:
    calls = reusing(changes)
    given = {"generator": calls, "list": None, "async": asynchronously(calls)}[kind] or list(calls)
    async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        report = await refold.run(given, journal=tmp_path / "job" if journaled else None)
    assert report.summary.done == len(NAMES), report.summary
    runs = {run.linked_account_id: run.params for run in sandbox.ledger.runs}
    assert len(runs) == len(NAMES)
    for name, params in runs.items():
        assert params["email"] == f"{name}@example.com"
        assert params["properties"] == {"email": f"{name}@example.com"}
        assert params["tags"] == [name]
    for outcome in report.outcomes:
        assert isinstance(outcome, Done)
        assert outcome.call.params == runs[outcome.call.linked_account_id]


def test_params_are_decoded_again_each_time() -> None:
    call = Call("a", "hubspot", "create_contact", {"n": {"a": (1, 2)}, "price": Decimal("1.5")}, key="k")
    first: Any = call.params
    assert first == {"n": {"a": [1, 2]}, "price": "1.5"}
    assert isinstance(first, dict)
    first["n"]["a"].clear()
    assert call.params == {"n": {"a": [1, 2]}, "price": "1.5"}
    assert Call("a", "hubspot", "get_contact").params is None
    assert encoded_params(Call("a", "hubspot", "get_contact")).json == b"{}"
    assert repr(call) == (
        "Call(linked_account_id='a', slug='hubspot', action_id='create_contact', "
        "params={'n': {'a': [1, 2]}, 'price': '1.5'}, key='k', effect=None)"
    )
    assert dict(call.__rich_repr__())["params"] == call.params


def test_calls_are_values() -> None:
    call = Call("a", "hubspot", "create_contact", {"a": 1, "b": 2}, key="k")
    same = Call("a", "hubspot", "create_contact", MappingProxyType({"b": 2, "a": 1}), key="k")
    assert call == same
    assert hash(call) == hash(same)
    assert call != Call("a", "hubspot", "create_contact", {"a": 1, "b": 3}, key="k")
    for made in (pickle.loads(pickle.dumps(call)), copy.copy(call), copy.deepcopy(call)):
        assert made == call
        assert made.params == {"a": 1, "b": 2}
    assert msgspec.structs.replace(call, key="l").params == {"a": 1, "b": 2}
    match call:
        case Call(account, slug, action_id, {"a": 1}):
            assert (account, slug, action_id) == ("a", "hubspot", "create_contact")
        case _:
            pytest.fail("the pattern does not match")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"lines": [{"price": float("nan")}]}, r"params\.lines\[0\]\.price cannot be encoded as JSON"),
        ({"tags": {"a"}}, r"params\.tags cannot be encoded as JSON"),
        (b"{}", "params must be a mapping, not bytes"),
        ([], "params must be a mapping, not list"),
    ],
)
async def test_a_call_that_cannot_be_sent_fails_alone(sandbox: Sandbox, params: Any, words: str) -> None:
    bad = Call("demo-user-1", "hubspot", "create_contact", params)
    assert bad.params is params
    good = Call("demo-user-1", "hubspot", "get_contact", {"limit": "1"})
    async with Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        report = await refold.run([bad, good])
    failed, done = report.outcomes
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, InvalidCallError)
    assert failed.attempts == 0
    with pytest.raises(InvalidCallError, match=words):
        raise failed.error
    assert isinstance(done, Done)


def test_params_that_have_become_valid_are_frozen_when_the_call_is_read() -> None:
    params: dict[str, Any] = {"a": {1}}
    call = Call("a", "hubspot", "create_contact", params)
    params["a"] = 1
    check(call)
    params["a"] = 2
    assert encoded_params(call).json == b'{"a":1}'
    assert call.params == {"a": 1}
