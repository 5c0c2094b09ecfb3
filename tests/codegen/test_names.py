"""Names by rule, and texts of the service as literals."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async.codegen.names import (
    NameTakenError,
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
    ("ids", "words"),
    [
        (["a-b", "a_b"], "'a-b' and 'a_b' have one Python name, a_b; choose one with --name 'a-b=NAME'"),
        (["***"], "'***' has no Python name; choose one with --name '***=NAME'"),
    ],
)
def test_a_name_that_is_taken_fails_by_name(ids: list[str], words: str) -> None:
    with pytest.raises(NameTakenError) as caught:
        name_all(ids, {}, ())
    assert words in str(caught.value).replace("'a_b' and 'a-b'", "'a-b' and 'a_b'").replace("'a_b=", "'a-b=")


def test_all_names_that_are_taken_are_told_at_once() -> None:
    with pytest.raises(NameTakenError) as caught:
        name_all(["a-b", "a_b", "a.b", "***"], {}, (), "do.")
    assert len(str(caught.value).splitlines()) == 3


def test_a_name_that_is_given_is_used() -> None:
    assert name_all(["a-b", "a_b", "***"], {"a-b": "ab", "***": "stars"}, ()) == {
        "a-b": "ab",
        "a_b": "a_b",
        "***": "stars",
    }


@given(st.text(alphabet=st.sampled_from("'\"\\\n\r\t\0a\u202e\u2028ж{}")) | st.text())
def test_a_literal_is_the_text(text: str) -> None:
    written = literal(text)
    assert ast.literal_eval(written) == text
    assert written.isprintable()


@given(st.text(alphabet=st.sampled_from("'\"\\\n\r\t\0a\u202e\u2028ж{}")) | st.text())
def test_a_line_ends_no_docstring(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert not set('"\\') & set(line)


def test_a_unique_name_has_a_number() -> None:
    taken = {"A"}
    assert [unique("A", taken), unique("A", taken), unique("B", taken)] == ["A2", "A3", "B"]
