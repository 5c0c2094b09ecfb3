"""The definitions of tools fit what each provider documents."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refold_async import ActionParameter, ActionSchema, KeyAccount
from refold_async.agents.schemas import Provider, definition
from refold_async.agents.tool import (
    Tool,
    action_tool,
    read_arguments,
    safe_name,
    tool_name,
    workflow_tool,
)

from .conftest import ALLOWED
from .provider_subsets import check_definition

PROVIDERS: tuple[Provider, ...] = ("openai", "anthropic", "gemini", "mcp")


def defined(tool: Tool, provider: Provider) -> dict[str, Any]:
    return definition(provider, tool.name, tool.description, tool.schema, tool.effect)


def check_all(tool: Tool) -> None:
    for provider in PROVIDERS:
        check_definition(provider, defined(tool, provider))


async def test_the_definitions_of_every_sandbox_action_fit(account: KeyAccount) -> None:
    slugs = ("hubspot", "salesforce", "slack", "netsuite", "playground", "catalog")
    ids = {slug: [str(each.action_id) for each in await account.actions.list(slug)] for slug in slugs}
    for slug in slugs:
        tools = await account.tools({slug: ids[slug]}, writes="allow", unsafe=True)
        for provider in PROVIDERS:
            for made in getattr(tools, provider)():
                check_definition(provider, made)


async def test_mcp_definitions_are_what_the_official_package_reads(account: KeyAccount) -> None:
    types = pytest.importorskip("mcp_types", reason="the extra mcp is not installed")
    for made in (await account.tools(ALLOWED, writes="allow")).mcp():
        assert types.Tool.model_validate(made).input_schema["type"] == "object"


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


@settings(max_examples=150)
@given(texts, texts, texts, st.lists(parameters, max_size=5))
def test_the_definitions_of_any_action_fit(
    slug: str, action_id: str, description: str, listed: list[ActionParameter]
) -> None:
    check_all(action_tool(slug, action_id, "write", description, ActionSchema(listed)))


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
kinds = st.sampled_from(["string", "number", "integer", "boolean", "array", "object", "null", "date", 7])
names = texts | st.sampled_from(["id", "email", "First name", "$ref"])


def schemas_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return JSON Schemas, and what a service may send in place of one."""
    keywords = {
        "type": kinds | st.lists(kinds, max_size=3),
        "title": texts | json,
        "description": texts,
        "format": st.sampled_from(["email", "uri", "date", 3]),
        "enum": st.lists(json, max_size=3) | json,
        "items": inner,
        "properties": st.dictionaries(names, inner, max_size=4) | json,
        "required": st.lists(names, max_size=3) | json,
        "additionalProperties": st.booleans() | json,
        **dict.fromkeys(["anyOf", "oneOf", "allOf"], st.lists(inner, max_size=2)),
        **dict.fromkeys(["$ref", "$defs", "$schema", "const", "pattern", "minimum", "default"], json),
    }
    return st.fixed_dictionaries({}, optional=keywords)


schemas = st.recursive(json, schemas_of, max_leaves=10)


@settings(max_examples=80)
@given(texts, texts, schemas_of(schemas) | json)
def test_the_definitions_of_any_workflow_fit(slug: str, description: str, schema: object) -> None:
    check_all(workflow_tool(slug, "sync", "write", description, schema))


def test_long_descriptions_are_cut() -> None:
    tool = action_tool("s" * 100, "act", "write", "Does it. " * 200, ActionSchema([]))
    check_all(tool)
    assert tool.description.endswith("do not repeat the call.")


def test_large_choices_are_not_strict() -> None:
    many = ActionParameter(name="stage", type="text", options=[str(number) for number in range(2000)])
    tool = action_tool("app", "act", "read", "", ActionSchema([many]))
    check_all(tool)
    assert not defined(tool, "openai")["strict"]


def test_all_kinds_of_parameters_become_strict_if_possible() -> None:
    plain = [
        ActionParameter(name="email", type="Email", required=True),
        ActionParameter(name="count", type="Number"),
        ActionParameter(name="stage", type="text", options=["a", 1, True], label="Stage", help_text="Which"),
        ActionParameter(name="site", type="URL"),
    ]
    made = defined(action_tool("app", "act", "read", "", ActionSchema(plain)), "openai")
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
    assert not defined(loose, "openai")["strict"]
    body = defined(loose, "gemini")["parameters"]["properties"]["body"]
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
    properties = defined(tool, "gemini")["parameters"]["properties"]
    assert properties["id"] == {"type": "integer"}
    assert properties["any"] == {"type": "string", "description": "JSON, as text."}
    assert read_arguments(tool, {}) == ["the required parameter 'id' is missing"]
    check_all(workflow_tool("app", "sync", "write", "", "no schema"))


def test_a_workflow_gets_the_values_that_a_model_has_to_write_as_text() -> None:
    schema = {
        "properties": {
            "any": {"type": "object"},
            "list": {"type": "array", "items": {"type": "object", "properties": {"n": {"enum": [1, 2]}}}},
            "untyped": {},
            "text": {"type": "string"},
            "First name": {"type": "string"},
        }
    }
    tool = workflow_tool("app", "sync", "write", "", schema)
    (renamed,) = (name for name in tool.schema["properties"] if name.startswith("First_name_"))
    given = {
        "any": '{"a": "1"}',
        "list": [{"n": "2"}],
        "untyped": '{"b": "2"}',
        "text": "[1]",
        renamed: "Ann",
    }
    sent = read_arguments(tool, given)
    assert not isinstance(sent, list)
    assert sent.decode() == {
        "any": {"a": "1"},
        "list": [{"n": 2}],
        "untyped": {"b": "2"},
        "text": "[1]",
        "First name": "Ann",
    }
    odd = read_arguments(tool, {"any": "{", "untyped": "5"})
    assert not isinstance(odd, list)
    assert odd.decode() == {"any": "{", "untyped": "5"}
