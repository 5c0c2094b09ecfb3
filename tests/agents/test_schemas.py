"""The definitions of tools fit what each provider documents."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import ActionParameter, ActionSchema, KeyAccount
from refold_async.agents.schemas import DEFINITIONS
from refold_async.agents.tool import (
    Tool,
    action_tool,
    definition,
    read_arguments,
    safe_name,
    tool_name,
    workflow_tool,
)

OPENAI_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
GEMINI_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
PROPERTY_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
GEMINI_KEYS = {"type", "description", "enum", "items", "properties", "required"}
STRICT_KEYS = {"type", "description", "enum", "format"}
STRICT_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}


def check_openai(made: dict[str, Any]) -> None:
    assert made["type"] == "function"
    assert OPENAI_NAME.fullmatch(made["name"])
    assert len(made["description"]) <= 1200
    schema = made["parameters"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    if not made["strict"]:
        return
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"])
    for each in schema["properties"].values():
        assert set(each) <= STRICT_KEYS
        kinds = [each["type"]] if isinstance(each["type"], str) else each["type"]
        assert len([kind for kind in kinds if kind != "null"]) == 1
        assert each.get("format", "email") in STRICT_FORMATS


def check_anthropic(made: dict[str, Any]) -> None:
    assert set(made) == {"name", "description", "input_schema"}
    assert OPENAI_NAME.fullmatch(made["name"])
    assert made["input_schema"]["type"] == "object"
    assert all(PROPERTY_NAME.fullmatch(name) for name in made["input_schema"]["properties"])
    jsonschema.Draft202012Validator.check_schema(made["input_schema"])


def check_gemini(made: dict[str, Any]) -> None:
    assert GEMINI_NAME.fullmatch(made["name"])
    for each in nodes(made["parameters"]) if "parameters" in made else ():
        assert set(each) <= GEMINI_KEYS
        assert each["type"] in {"string", "number", "integer", "boolean", "array", "object"}
        assert (each["type"] == "array") == ("items" in each)
        assert (each["type"] == "object") == bool(each.get("properties"))
        if "enum" in each:
            assert each["type"] == "string"
            assert all(isinstance(value, str) and value for value in each["enum"])


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for each in schema.get("properties", {}).values():
        yield from nodes(each)
    if "items" in schema:
        yield from nodes(schema["items"])


def check_mcp(made: dict[str, Any]) -> None:
    types = pytest.importorskip("mcp_types", reason="the extra mcp is not installed")
    assert types.Tool.model_validate(made).input_schema["type"] == "object"


def check_all(tool: Tool) -> None:
    check_openai(definition(tool, "openai"))
    check_anthropic(definition(tool, "anthropic"))
    check_gemini(definition(tool, "gemini"))
    assert set(definition(tool, "mcp")) == {"name", "description", "inputSchema", "annotations"}


async def test_the_definitions_of_every_sandbox_action_fit(account: KeyAccount) -> None:
    slugs = ("hubspot", "salesforce", "slack", "netsuite", "playground", "catalog")
    ids = {slug: [str(each.action_id) for each in await account.actions.list(slug)] for slug in slugs}
    for slug in slugs:
        tools = await account.tools({slug: ids[slug]}, writes="allow", unsafe=True)
        checks = {
            "openai": check_openai,
            "anthropic": check_anthropic,
            "gemini": check_gemini,
            "mcp": check_mcp,
        }
        for provider, check in checks.items():
            for made in getattr(tools, provider)():
                check(made)


texts = st.text(max_size=90)
options = st.none() | st.lists(st.none() | st.booleans() | st.integers() | texts, max_size=4) | st.just("x")
parameters = st.builds(
    ActionParameter,
    name=texts | st.none(),
    label=texts | st.none(),
    required=st.booleans() | st.none(),
    type=st.sampled_from(["text", "json", "Email", "Number", "Textarea", "URL", "JSON", "new", None]),
    help_text=texts | st.none(),
    options=options,
)


@given(texts, texts, texts, st.lists(parameters, max_size=5))
def test_the_definitions_of_any_action_fit(
    slug: str, action_id: str, description: str, listed: list[ActionParameter]
) -> None:
    check_all(action_tool(slug, action_id, "write", description, ActionSchema(listed)))


def test_all_kinds_of_parameters_become_strict_where_they_can() -> None:
    plain = [
        ActionParameter(name="email", type="Email", required=True),
        ActionParameter(name="count", type="Number"),
        ActionParameter(name="stage", type="text", options=["a", 1, True], label="Stage", help_text="Which"),
        ActionParameter(name="site", type="URL"),
    ]
    made = definition(action_tool("app", "act", "read", "", ActionSchema(plain)), "openai")
    assert made["strict"]
    assert made["parameters"]["properties"] == {
        "email": {"type": "string", "format": "email"},
        "count": {"type": ["number", "null"]},
        "stage": {
            "type": ["string", "null"],
            "enum": ["a", "1", "true", None],
            "description": "Stage. Which",
        },
        "site": {"type": ["string", "null"]},
    }
    free = [*plain, ActionParameter(name="body", type="json")]
    loose = action_tool("app", "act", "read", "", ActionSchema(free))
    assert not definition(loose, "openai")["strict"]
    body = definition(loose, "gemini")["parameters"]["properties"]["body"]
    assert body == {"type": "string", "description": "JSON, as text."}


def test_a_parameter_whose_name_providers_refuse_has_another() -> None:
    tool = action_tool(
        "app", "act", "read", "", ActionSchema([ActionParameter(name="First name", type="text")])
    )
    (name,) = tool.schema["properties"]
    assert re.fullmatch(r"First_name_[0-9a-f]{8}", name)
    sent = read_arguments(tool, {name: "Ann"})
    assert not isinstance(sent, list)
    assert sent.decode() == {"First name": "Ann"}


@given(texts, texts)
def test_names_are_different_for_different_actions(one: str, other: str) -> None:
    assert (safe_name(one) == safe_name(other)) is (one == other)


def test_names_are_those_of_refolds_own_servers() -> None:
    assert tool_name("hubspot", "get_contact", "action") == "hubspot_get_contact_action"
    long = tool_name("hubspot", "x" * 80, "workflow")
    assert len(long) == 64
    assert re.fullmatch(r"hubspot_x+_[0-9a-f]{8}", long)


def test_a_workflow_keeps_its_schema_where_a_provider_accepts_it() -> None:
    schema = {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": ["null", "integer"]},
            "tags": {"type": "array", "items": {"type": "object", "properties": {"a": {}}}},
            "any": {"type": "object"},
        },
    }
    tool = workflow_tool("app", "sync", "write", "Syncs", schema)
    check_all(tool)
    properties = definition(tool, "gemini")["parameters"]["properties"]
    assert properties["id"] == {"type": "integer"}
    assert read_arguments(tool, {}) == ["the required parameter 'id' is missing"]
    assert set(DEFINITIONS) == {"openai", "anthropic", "gemini", "mcp"}
    check_all(workflow_tool("app", "sync", "write", "", "no schema"))
