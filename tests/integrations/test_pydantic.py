"""pydantic and FastAPI: models that results decode into, and the SDK's own types as annotations."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Any, TypedDict

import aiohttp
import attrs
import msgspec
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from refold_async import Action, ActionResult, LinkedAccount, Page, UnreadableReplyError

from .serving import serving


class Email(BaseModel):
    email: str


class Contacts(BaseModel):
    results: list[Email]


@pydantic_dataclass
class PydanticData:
    email: str


@dataclass
class Plain:
    email: str


@attrs.define
class Attrs:
    email: str


class Typed(TypedDict):
    email: str


class Struct(msgspec.Struct):
    email: str


def result(json: bytes) -> ActionResult:
    return ActionResult("Success", 200, msgspec.Raw(json))


@pytest.mark.parametrize("kind", [Email, PydanticData, Plain, Attrs, Struct])
def test_a_result_decodes_into_any_kind_of_class(kind: type[Any]) -> None:
    found = result(b'{"email": "ann@example.com", "more": 1}').into(kind)
    assert type(found) is kind
    assert found.email == "ann@example.com"


def test_a_result_decodes_into_a_typed_dict_and_into_lists_and_unions_of_models() -> None:
    assert result(b'{"email": "a"}').into(Typed) == {"email": "a"}
    assert result(b'[{"email": "a"}]').into(list[Email]) == [Email(email="a")]
    assert result(b"null").into(Email | None) is None
    assert result(b'{"a": {"email": "b"}}').into(dict[str, Email])["a"].email == "b"


@pytest.mark.parametrize("kind", [Contacts, dict[str, list[Email]]])
def test_an_error_names_the_path_and_not_the_value(kind: Any) -> None:
    with pytest.raises(UnreadableReplyError) as caught:
        result(b'{"results": [{"email": "a"}, {"email": 12345}]}').into(kind)
    assert "$.results[1].email" in str(caught.value)
    assert "12345" not in str(caught.value)
    assert caught.value.__context__ is None


def test_text_that_only_json_allows_loses_no_result() -> None:
    assert result(b'[{"email": "\\ud83d"}, {"email": "b"}]').into(list[Email])[1].email == "b"


def test_invalid_json_and_unfitting_json_are_distinguished() -> None:
    with pytest.raises(UnreadableReplyError, match="json"):
        result(b'{"email": ').into(Email)


def test_the_structs_of_the_api_are_types_for_pydantic() -> None:
    adapter = TypeAdapter(list[Action])
    assert adapter.validate_python([Action(action_id="a")]) == [Action(action_id="a")]
    assert adapter.validate_python([{"action_id": "a"}]) == [Action(action_id="a")]
    assert msgspec.json.decode(adapter.dump_json([Action(action_id="a")]))[0]["action_id"] == "a"
    assert adapter.json_schema()["items"]["title"] == "Action"
    assert "docs" in TypeAdapter(Page[LinkedAccount]).json_schema()["properties"]
    with pytest.raises(ValidationError, match=r"\$\.action_id"):
        adapter.validate_python([{"action_id": 5}])


async def test_fastapi_returns_structs_and_results() -> None:
    app = FastAPI()

    @app.get("/actions")
    async def actions() -> list[Action]:
        return [Action(action_id="get_contact", name="Get")]

    @app.get("/accounts")
    async def accounts() -> Page[LinkedAccount]:
        return Page(items=[LinkedAccount(linked_account_id="ann")])

    @app.get("/result")
    async def data() -> ActionResult:
        return result(b'{"id": 1, "names": ["a"]}')

    async with serving(app) as url, aiohttp.ClientSession(url) as http:

        async def get(path: str) -> Any:
            async with http.get(path) as response:
                return await response.json()

        assert (await get("/actions"))[0]["action_id"] == "get_contact"
        assert (await get("/accounts"))["docs"][0]["account_id"] == "ann"
        assert await get("/result") == {"id": 1, "names": ["a"]}
        schema = await get("/openapi.json")
    returned = schema["paths"]["/actions"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert returned["items"]["properties"].keys() == {"action_id", "name", "description", "tag"}
    assert returned["items"]["description"] == "An action that an app has."


def test_decoding_does_not_import_pydantic() -> None:
    code = (
        "import sys, msgspec; from refold_async import ActionResult, Action\n"
        "ActionResult('Success', 200, msgspec.Raw(b'[1]')).into(list[int])\n"
        "print('pydantic' in sys.modules, 'pydantic_core' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
