"""Checking a call's parameters before it is sent, and the JSON Schema of an action."""

from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import ActionSchema, Problem
from refold_async._core.decoding import read_as
from refold_async.api.action_schema import ActionParameter


def schema(*fields: dict[str, Any]) -> ActionSchema:
    return ActionSchema(read_as(list[ActionParameter], msgspec.json.encode(fields)))


CONTACT = schema(
    {"name": "email", "label": "E-mail", "required": True, "type": "Email"},
    {"name": "name", "required": True, "type": "text", "help_text": "The whole name"},
    {"name": "age", "required": False, "type": "Number"},
    {"name": "site", "type": "URL"},
    {"name": "note", "type": "Textarea"},
    {"name": "properties", "type": "json"},
    {"name": "stage", "type": "text", "options": [{"label": "Lead", "value": "lead"}, "customer", 3, True]},
    {"name": "anything", "type": "hologram"},
)


def found(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.parameter, problem.kind) for problem in problems]


def test_a_valid_call_has_no_problem() -> None:
    assert CONTACT.check({"email": "a@b.c", "name": "A"}) == []
    assert schema().check() == []
    assert schema().check({}) == []


def test_all_problems_are_reported_at_once() -> None:
    problems = CONTACT.check({"emial": "a@b.c", "name": "", "age": "old", "site": "nowhere", "zzz": 1})
    assert found(problems) == [
        ("email", "missing"), ("name", "missing"), ("emial", "unknown"), ("zzz", "unknown"),
        ("age", "ill_typed"), ("site", "ill_typed"),
    ]  # fmt: skip
    assert [problem.nearest for problem in problems] == [None, None, "email", None, None, None]
    assert [str(problem) for problem in problems] == [
        "the required parameter 'email' is missing",
        "the required parameter 'name' is missing",
        "the action has no parameter 'emial'; did you mean 'email'?",
        "the action has no parameter 'zzz'",
        "the parameter 'age' must be a number, not 'old'",
        "the parameter 'site' must be a URL, not 'nowhere'",
    ]


@pytest.mark.parametrize("absent", [{}, {"email": None}, {"email": ""}])
def test_a_required_empty_parameter_is_only_missing(absent: dict[str, object]) -> None:
    assert found(CONTACT.check({"name": "A"} | absent)) == [("email", "missing")]


TYPES: list[tuple[str, list[object], list[object]]] = [
    ("name", ["A", 5, 1.5, True], [[], {}, object()]),
    ("email", ["a@b", "a.b+c@d.e"], ["a", "a@", "@b", "a b@c", "a@b@c", 5, ["a@b"]]),
    ("age", [5, -1.5, "5", "-1.5e3", " 7 ", ".5", "5."], ["five", "1,5", "0x10", "nan", True, [1]]),
    ("site", ["https://a.b/c?d", "ftp://x"], ["a.b", "https://", "//a", "http://[", 5]),
    ("note", ["long\ntext", 5], [["a"]]),
    ("properties", [{}, [], 5, '{"a": 1}', "[1]", "null", True], ["{", "text", "{'a': 1}", "[" * 100_000]),
    ("stage", ["lead", "customer", 3, "3", True, "true", ["lead"]], ["Lead", "other", 4, False]),
    ("anything", ["x", 5, [], {}, None, object()], []),
]


@pytest.mark.parametrize(("name", "good", "bad"), TYPES, ids=[case[0] for case in TYPES])
def test_each_type_takes_what_fits(name: str, good: list[object], bad: list[object]) -> None:
    rest = {"email": "a@b.c", "name": "A"}
    for value in good:
        problems = CONTACT.check(rest | {name: value})
        assert [each for each in problems if name != "stage" or value != ["lead"]] == [], value
    for value in bad:
        assert found(CONTACT.check(rest | {name: value})) == [(name, "ill_typed")], value


def test_a_long_value_is_shown_cut() -> None:
    [problem] = CONTACT.check({"email": "a@b.c", "name": "A", "age": "x" * 1000})
    assert len(problem.message) < 150


ODD_SCHEMAS: list[object] = [
    None,
    5,
    "text",
    [],
    {"name": 5, "type": "text", "required": True},
    {"name": None},
    {"name": "a", "type": 7, "required": True},
    {"name": "a", "type": {"kind": "text"}, "label": ["x"], "help_text": 5},
    {"name": "a", "options": "lead"},
    {"name": "a", "options": {"lead": 1}},
    {"name": "a", "options": [None, {"label": "x"}, []]},
    {"name": "", "type": "number"},
    {"name": "a", "type": "number", "options": [1, "1", 2.5]},
]


@pytest.mark.parametrize("field", ODD_SCHEMAS, ids=repr)
@pytest.mark.parametrize("params", [{}, {"a": "x"}, {"a": 1}, {"": []}, {5: 1}], ids=repr)
def test_an_odd_schema_still_checks(field: Any, params: Any) -> None:
    odd = schema(field)
    assert all(isinstance(problem, Problem) for problem in odd.check(params))
    jsonschema.Draft202012Validator.check_schema(odd.json_schema())
    assert len(odd) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FIELD = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b"]) | JSON,
        "type": st.sampled_from(["text", "JSON", "Number", "email", "url", "textarea", "x"]) | JSON,
        "required": st.booleans() | JSON,
        "options": st.lists(st.sampled_from(["x", "y"]) | JSON, max_size=3) | JSON,
        "label": JSON,
        "help_text": JSON,
    },
)


@given(st.lists(FIELD | JSON, max_size=4), st.dictionaries(st.sampled_from(["a", "b", "c"]), JSON))
def test_no_schema_and_no_parameters_raise(fields: list[Any], params: dict[str, object]) -> None:
    some = schema(*fields)
    for problem in some.check(params):
        assert problem.message == str(problem)
    jsonschema.Draft202012Validator.check_schema(some.json_schema())


def test_the_json_schema_takes_what_check_takes() -> None:
    described = CONTACT.json_schema()
    jsonschema.Draft202012Validator.check_schema(described)
    assert described["required"] == ["email", "name"]
    assert described["properties"]["email"] == {"type": "string", "format": "email", "title": "E-mail"}
    assert described["properties"]["name"]["description"] == "The whole name"
    assert described["properties"]["stage"]["enum"] == ["lead", "customer", 3, True, "3", "true"]
    assert described["properties"]["anything"] == {}
    validator = jsonschema.Draft202012Validator(described)
    for params in (
        {"email": "a@b.c", "name": "A"},
        {"email": "a@b.c", "name": 5, "age": "7", "properties": {"x": [1]}, "stage": 3},
        {"email": "a@b.c", "name": "A", "stage": "customer", "site": "https://x.y", "note": "n"},
    ):
        assert CONTACT.check(params) == []
        assert validator.is_valid(params)
    for params in ({"email": "a@b.c"}, {"email": "a@b.c", "name": "A", "other": 1}):
        assert CONTACT.check(params)
        assert not validator.is_valid(params)


def test_a_json_schema_is_the_callers_own() -> None:
    CONTACT.json_schema()["properties"]["name"]["type"].clear()
    assert CONTACT.json_schema()["properties"]["name"]["type"] == ["string", "number", "boolean"]


def test_it_is_a_sequence_of_parameters() -> None:
    assert len(CONTACT) == 8
    assert CONTACT[0].name == "email"
    assert [each.name for each in CONTACT[1:3]] == ["name", "age"]
    assert ActionParameter(name="site", type="URL") in CONTACT
    again = ActionSchema(list(CONTACT))
    assert again == CONTACT
    assert hash(again) == hash(CONTACT)
    assert again != list(CONTACT)
    assert repr(schema()) == "ActionSchema([])"
