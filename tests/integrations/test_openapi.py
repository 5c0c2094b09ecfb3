"""An application's OpenAPI document: the problems that `install` answers, and the data of results."""

from typing import Annotated, Any

import msgspec
from fastapi import Depends, FastAPI, Response
from pydantic import BaseModel

from refold_async import KeyAccount
from refold_async.integrations.fastapi import ActionResponse, account_of, install


class Contact(BaseModel):
    email: str


class Contacts(BaseModel):
    results: list[Contact]


class Deal(msgspec.Struct):
    name: str


Customer = Annotated[KeyAccount, Depends(account_of(lambda: "demo-user-1"))]


def document() -> dict[str, Any]:
    app = FastAPI()
    install(app)

    @app.get("/contacts")
    async def contacts(account: Customer) -> ActionResponse[Contacts]:
        return ActionResponse(await account.actions.execute("hubspot", "get_contact"))

    @app.get("/raw", responses={409: {"description": "mine"}})
    async def raw(account: Customer) -> ActionResponse:
        return ActionResponse(await account.actions.execute("hubspot", "get_contact"))

    @app.post("/deals", status_code=201)
    async def deals(account: Customer) -> ActionResponse[list[Deal]]:
        return ActionResponse(await account.actions.execute("hubspot", "create_deal"), status_code=201)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {}

    @app.get("/hidden", include_in_schema=False)
    async def hidden(account: Customer) -> None: ...

    assert app.openapi() is app.openapi()
    return app.openapi()


def test_problems_stand_at_the_routes_that_use_the_client() -> None:
    paths = document()["paths"]
    assert paths["/contacts"]["get"]["responses"].keys() == {"200", "409", "429", "502", "503", "504"}
    assert paths["/health"]["get"]["responses"].keys() == {"200"}
    assert paths["/raw"]["get"]["responses"]["409"]["description"] == "mine"
    assert "/hidden" not in paths
    problem = paths["/contacts"]["get"]["responses"]["502"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/HTTPProblem"}


def test_every_reference_has_its_schema() -> None:
    found = document()
    text = msgspec.json.encode(found).decode()
    names = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names <= found["components"]["schemas"].keys()
    assert {"HTTPProblem", "Contact"} <= names


def test_the_data_of_a_result_is_described_by_its_model() -> None:
    paths = document()["paths"]
    schema = paths["/contacts"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Contacts"}
    contacts = document()["components"]["schemas"]["Contacts"]
    assert contacts["properties"]["results"]["items"] == {"$ref": "#/components/schemas/Contact"}
    deals = paths["/deals"]["post"]["responses"]
    assert deals["201"]["content"]["application/json"]["schema"]["items"] == {
        "$ref": "#/components/schemas/Deal"
    }
    assert "200" not in deals


def test_a_response_with_a_model_is_a_class_of_responses() -> None:
    named = ActionResponse[Contacts]
    assert isinstance(named, type)
    assert issubclass(named, Response)
    assert ActionResponse[Contacts] is named
    assert named.__name__ == "ActionResponse[Contacts]"
    assert ActionResponse[list[Contact]].__name__ == "ActionResponse[list]"
