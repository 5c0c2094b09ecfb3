"""Names by rule, and texts of the service as literals."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async.codegen.names import (
    class_name,
    literal,
    module_name,
    name_all,
    one_line,
    python_name,
    unique,
)


@pytest.mark.parametrize(
    ("text", "python", "of_class", "of_module"),
    [
        ("acme-crm", "acme_crm", "AcmeCrm", "acme_crm"),
        ("hubspot", "hubspot", "Hubspot", "hubspot"),
        ("get contact", "get_contact", "GetContact", "get_contact"),
        ("listDeals", "listDeals", "ListDeals", "list_deals"),
        ("2fa", "n2fa", "N2fa", "n2fa"),
        ("class", "class_", "Class", "class_"),
        ("None", "None_", "None_", "none_"),
        ("__init__", "init__", "Init", "init__"),
        ("имя", "имя", "Имя", "имя"),
        ('a"""b', "a___b", "AB", "a___b"),
        ("a\nb", "a_b", "AB", "a_b"),
        ("ﬁeld", "field", "Field", "field"),
        ("---", "", "", ""),
    ],
)
def test_names_follow_the_rule(text: str, python: str, of_class: str, of_module: str) -> None:
    assert python_name(text) == python
    assert class_name(text) == of_class
    assert module_name(text) == of_module


def test_a_reserved_name_is_avoided() -> None:
    assert python_name("self", {"self"}) == "self_"


@given(st.text())
def test_a_name_is_an_identifier_that_is_neither_private_nor_a_keyword(text: str) -> None:
    name = python_name(text)
    assert not name or (name.isidentifier() and not name.startswith("_"))
    if name:
        ast.parse(f"def {name}({name}): {name}.{name} = 1")


@pytest.mark.parametrize(
    ("ids", "given_names", "problems"),
    [
        (["a", "b"], {}, []),
        (["a-b", "a_b"], {}, ["do.'a_b' and 'a-b' have one Python name, a_b; choose one with --name 'do.a_b=NAME'"]),
        (["***"], {}, ["do.'***' has no Python name; choose one with --name 'do.***=NAME'"]),
        (["a"], {"do.a": "class"}, ["do.'a' cannot be named 'class'; choose one with --name 'do.a=NAME'"]),
        (["a"], {"do.a": "_a"}, ["do.'a' cannot be named '_a'; choose one with --name 'do.a=NAME'"]),
        (["a", "b"], {"do.b": "a"}, ["do.'b' and 'a' have one Python name, a; choose one with --name 'do.b=NAME'"]),
    ],
)  # fmt: skip
def test_an_id_without_a_unique_python_name_is_a_problem(
    ids: list[str], given_names: dict[str, str], problems: list[str]
) -> None:
    found: list[str] = []
    name_all(ids, given_names, (), "do.", found)
    assert found == problems


def test_a_name_that_is_given_is_used() -> None:
    problems: list[str] = []
    names = name_all(["a-b", "a_b", "***"], {"a-b": "ab", "***": "stars"}, (), "", problems)
    assert (names, problems) == ({"a-b": "ab", "a_b": "a_b", "***": "stars"}, [])


@given(st.text(alphabet=st.sampled_from("'\"\\\n\r\t\0a\u202e\u2028ж{}")) | st.text())
def test_a_literal_is_the_text(text: str) -> None:
    written = literal(text)
    assert ast.literal_eval(written) == text
    assert written.isprintable()


@given(st.text(alphabet=st.sampled_from("'\"\\\n\r\t\0a\u202e\u2028ж{}")) | st.text())
def test_a_line_of_the_service_cannot_end_a_docstring(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert not set('"\\') & set(line)


def test_a_unique_name_has_a_number() -> None:
    taken = {"A"}
    assert [unique("A", taken), unique("A", taken), unique("B", taken)] == ["A2", "A3", "B"]
