"""Every body that the reference shows, compared with the sandbox's own response."""

import asyncio
from functools import cache
from typing import Any

import aiohttp
import jsonschema
import pytest

from refold_async.sandbox import Sandbox
from refold_async.sandbox.api import ROUTES
from tests.reference import FOLDER, needs_reference

from . import scenarios_accounts, scenarios_work
from .recording_client import Key, RecordingClient
from .reference import (
    differences,
    examples,
    names_in,
    property_names,
    response_schema,
    specification,
    without_ids,
)

_SPECIFIED = specification()["paths"] if FOLDER.is_dir() else {}
OPERATIONS = [
    (route.method, route.path) for route in ROUTES if route.method.lower() in _SPECIFIED.get(route.path, {})
]

SCENARIOS = (
    scenarios_accounts.linked_accounts,
    scenarios_accounts.actions_and_applications,
    scenarios_accounts.credentials,
    scenarios_accounts.hosted_connect,
    scenarios_accounts.webhooks,
    scenarios_accounts.events,
    scenarios_work.configs,
    scenarios_work.config_fields,
    scenarios_work.datarefs,
    scenarios_work.datastores,
    scenarios_accounts.env_variables,
    scenarios_work.human_tasks,
    scenarios_work.mcp_servers,
    scenarios_work.tables,
    scenarios_work.workflows,
    scenarios_work.executions,
    scenarios_work.schedules,
    scenarios_accounts.end_of_an_account,
)

DIFFERENT = {
    ".connected_accounts[].identifier": "each app shows its accounts in its own words",
    "[].connected": "of the apps in a list, only some are connected",
    ".fields[].options is empty": "of the fields, only the selects have options",
    ".nodes[].latest_output": "each kind of node gives something else",
}
"""Intended differences from the reference's bodies, by the prefix of their path, and why."""

UNDOCUMENTED = {"instance_tag", "tz", "startDate"}
"""Fields of responses that the reference documents only as a header or in a request."""

MISFITS = {
    ("GET", "/api/v2/public/application/{slug}"): "identifier is an object",
    ("GET", "/api/v2/public/application"): "identifier is an object",
    ("GET", "/api/v2/public/env/values/{scope}"): "variable_definition_id is the definition",
    ("POST", "/api/v2/public/application/event"): "response is a list of keys",
    ("DELETE", "/api/v2/public/application/event/{event_id}"): "response is a list of keys",
    ("GET", "/api/v2/public/application/event/{event_id}"): "response is a list of keys",
    ("GET", "/api/v2/public/application/event"): "response is a list of keys",
    ("PUT", "/api/v2/public/application/event/{event_id}"): "response is a list of keys",
    ("POST", "/api/v2/public/linked-account"): "integrations is null",
    ("GET", "/api/v2/public/workflow"): "schema is null",
}
"""The ten documented bodies that contradict the specification: the example takes precedence."""


@pytest.fixture(scope="module")
def answers() -> dict[Key, list[Any]]:
    return asyncio.run(answers_of_a_tour())


async def answers_of_a_tour() -> dict[Key, list[Any]]:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        recorder = RecordingClient(sandbox, session)
        await recorder.call_without_credentials(OPERATIONS)
        for scenario in SCENARIOS:
            await scenario(recorder)
        return recorder.answers


@cache
def shown(success: bool) -> list[Any]:
    chosen = [each for each in examples() if (each["status"] < 300) is success]
    return [
        pytest.param(each, id=f"{each['method']} {each['path']} {each['status']} {each.get('note') or ''}")
        for each in chosen
    ]


def key_of(documented: dict[str, Any]) -> Key:
    return documented["method"], documented["path"], documented["status"]


@needs_reference
@pytest.mark.parametrize("documented", shown(True))
def test_a_documented_response_can_be_reproduced(
    answers: dict[Key, list[Any]], documented: dict[str, Any]
) -> None:
    faults = [
        [fault for fault in differences(documented["body"], body) if not fault.startswith(tuple(DIFFERENT))]
        for body in answers[key_of(documented)]
    ]
    assert faults, "never answered"
    assert [] in faults, faults


@needs_reference
@pytest.mark.parametrize("documented", shown(False))
def test_a_documented_error_can_be_reproduced(
    answers: dict[Key, list[Any]], documented: dict[str, Any]
) -> None:
    assert without_ids(documented["body"]) in map(without_ids, answers[key_of(documented)])


@needs_reference
@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_responses_match_the_specification(answers: dict[Key, list[Any]], operation: tuple[str, str]) -> None:
    good = [
        (key[2], body) for key in answers if key[:2] == operation and key[2] < 300 for body in answers[key]
    ]
    assert good, "never answered well"
    for status, body in good:
        schema = response_schema(*operation, status)
        if schema is not None and operation not in MISFITS:
            jsonschema.validate(body, schema, jsonschema.Draft202012Validator)


@needs_reference
def test_responses_have_documented_fields_only(answers: dict[Key, list[Any]]) -> None:
    known = names_in([each["body"] for each in examples()]) | set(property_names(specification()))
    given = {key: names_in(bodies) - known for key, bodies in answers.items() if "/actions" not in key[1]}
    assert {key: names for key, names in given.items() if names} == {}


@needs_reference
def test_only_documented_server_errors_occur(answers: dict[Key, list[Any]]) -> None:
    broken = [key for key in answers if key[2] >= 500]
    documented = {key_of(each) for each in examples()}
    assert set(broken) <= documented


@needs_reference
def test_the_scenarios_call_every_operation(answers: dict[Key, list[Any]]) -> None:
    assert {key[:2] for key in answers if key[2] < 300} == set(OPERATIONS)
