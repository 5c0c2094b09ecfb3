"""The OpenAPI documents of the FastAPI examples, and their answers."""

import json
from typing import Any

import aiohttp
import jsonschema
import pytest

from refold_async.sandbox import Sandbox
from tests.integrations.serving import serving

from .documents import APPLICATIONS, document, load, stored

SIGNED_IN = {"Cookie": "session=session-of-1"}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_document_is_the_stored_one(name: str) -> None:
    """If it is meant to differ: `python -m tests.examples.documents`."""
    assert document(name) == json.loads(stored(name).read_text("utf-8"))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_reference_is_defined(name: str) -> None:
    found = document(name)
    text = json.dumps(found)
    names = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names - {"HTTPValidationError", "ValidationError"} <= found["components"]["schemas"].keys()


@pytest.mark.parametrize("name", APPLICATIONS)
async def test_answers_are_as_documented(
    name: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFOLD_API_KEY", sandbox.api_key)
    monkeypatch.setenv("REFOLD_BASE_URL", sandbox.base_url)
    described = document(name)
    async with serving(load(name).app) as url, aiohttp.ClientSession(url, headers=SIGNED_IN) as http:
        async with http.get("/contacts/actions") as response:
            check(described, "/contacts/actions", "get", 200, await response.json())
        async with http.post("/contacts", json={"email": "ann@example.com", "firstname": "Ann"}) as response:
            check(described, "/contacts", "post", response.status, await response.json())
            assert response.status == 201
        async with http.post("/contacts", json={"firstname": "Ann"}) as response:
            assert response.status == 422
        if "get" in described["paths"]["/contacts"]:
            async with http.get("/contacts?limit=3") as response:
                check(described, "/contacts", "get", 200, await response.json())
        sandbox.expire("demo-user-1", "hubspot")
        async with http.post("/contacts", json={"email": "ann@example.com"}) as response:
            check(described, "/contacts", "post", 409, await response.json())
    assert [run.params for run in sandbox.ledger.writes()] == [
        {"email": "ann@example.com", "firstname": "Ann"}
    ]


def check(described: dict[str, Any], path: str, method: str, status: int, answer: object) -> None:
    content = described["paths"][path][method]["responses"][str(status)]["content"]
    schema = content["application/json" if status < 400 else "application/problem+json"]["schema"]
    jsonschema.validate(answer, {**schema, "components": described["components"]})
