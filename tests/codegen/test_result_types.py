"""The types that samples of results come to."""

import ast
from typing import Any

import msgspec
import pytest

from refold_async.codegen.model import Shape
from refold_async.codegen.result_types import AliasModel, ModuleTypes, StructModel


def types_of(*samples: Any) -> list[StructModel | AliasModel]:
    shape = Shape()
    for sample in samples:
        shape.add(sample)
    types = ModuleTypes(set())
    named = types.result("Data", shape)
    assert named == (types.declared[-1].name if types.declared else "")
    return types.declared


def fields_of(declared: list[StructModel | AliasModel]) -> list[str]:
    """Return the fields of the last struct, each as one line."""
    struct = declared[-1]
    assert isinstance(struct, StructModel)
    written = ast.parse("\n".join(["class Written:", *(f"    {line}" for line in struct.lines)])).body[0]
    assert isinstance(written, ast.ClassDef)
    return [ast.unparse(each).replace("'", '"') for each in written.body]


def field_of(*values: Any) -> str:
    """Return the field of which these values were seen."""
    return fields_of(types_of(*({"a": value} for value in values)))[0]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (["x"], "a: str | None = None"),
        ([1], "a: int | None = None"),
        ([True], "a: bool | None = None"),
        ([1, 1.5], "a: float | None = None"),
        (["x", 1, None], "a: int | str | None = None"),
        ([None], "a: Any = None"),
        (["x", {}], "a: Any = None"),
        ([[], {}], "a: Any = None"),
        ([[1, "x"]], "a: list[int | str] = msgspec.field(default_factory=list)"),
        ([["x", None]], "a: list[str | None] = msgspec.field(default_factory=list)"),
        ([["x"], None], "a: list[str] | None = None"),
        ([[[1]]], "a: list[list[int]] = msgspec.field(default_factory=list)"),
        ([[]], "a: list[Any] = msgspec.field(default_factory=list)"),
        ([{}], "a: dict[str, Any] = msgspec.field(default_factory=dict)"),
        ([{"1": "x", "2": 3}], "a: dict[str, int | str] = msgspec.field(default_factory=dict)"),
        ([{"b": 1}], "a: DataA = msgspec.field(default_factory=DataA)"),
        ([{"b": 1}, None], "a: DataA | None = None"),
        ([[{"b": 1}, None]], "a: list[DataA | None] = msgspec.field(default_factory=list)"),
        ([{str(n): {"b": n} for n in range(3)}], "a: dict[str, DataAValue] = msgspec.field(default_factory=dict)"),
    ],
)  # fmt: skip
def test_a_field_has_the_type_of_its_values(values: list[Any], line: str) -> None:
    assert field_of(*values) == line


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("class", 'class_: int | None = msgspec.field(default=None, name="class")'),
        ("a-b", 'a_b: int | None = msgspec.field(default=None, name="a-b")'),
        ("str", 'str_: int | None = msgspec.field(default=None, name="str")'),
        ("имя", "имя: int | None = None"),
        ("_id", 'id: int | None = msgspec.field(default=None, name="_id")'),
        ("$%", 'field: int | None = msgspec.field(default=None, name="$%")'),
    ],
)
def test_a_key_becomes_a_name(key: str, line: str) -> None:
    assert fields_of(types_of({key: 1})) == [line]


def test_keys_with_one_name_are_numbered_and_the_plain_one_keeps_it() -> None:
    assert fields_of(types_of({"a-b": 1, "a_b": 1, "a.b": 1})) == [
        "a_b: int | None = None",
        'a_b2: int | None = msgspec.field(default=None, name="a-b")',
        'a_b3: int | None = msgspec.field(default=None, name="a.b")',
    ]


def test_a_key_that_no_field_can_have_is_skipped() -> None:
    assert types_of({'a"': 1, "b\\": 2, "c": 3, "d": 4, "e": 5}) == [
        StructModel("Data", ["c: int | None = None", "d: int | None = None", "e: int | None = None"])
    ]
    assert types_of({"a\n": 1}) == [AliasModel("Data", "dict[str, int]")]


@pytest.mark.parametrize(
    ("samples", "alias"),
    [
        ([[{"a": 1}]], "list[DataItem]"),
        (["x"], "str"),
        ([{"a": 1}, None], "DataItem | None"),
        ([[]], "list[Any]"),
    ],
)
def test_data_that_is_not_an_object_has_a_column_name(samples: list[Any], alias: str) -> None:
    assert types_of(*samples)[-1] == AliasModel("Data", alias)


@pytest.mark.parametrize("samples", [[None], [{"a": 1}, []], []])
def test_samples_without_a_type_in_common_have_none(samples: list[Any]) -> None:
    assert types_of(*samples) == []


def test_an_object_of_very_many_keys_is_data() -> None:
    found = types_of({f"key{n}": n for n in range(301)})
    assert found == [AliasModel("Data", "dict[str, int]")]


def test_names_that_are_taken_are_numbered() -> None:
    shape = Shape()
    shape.add({"a": {"b": 1}})
    types = ModuleTypes({"Data", "Data2A"})
    assert types.result("Data", shape) == "Data2"
    assert [each.name for each in types.declared] == ["Data2A2", "Data2"]
    assert types.alias("Data", "str") == "Data3"


def test_shapes_merge_as_their_samples_do() -> None:
    samples: list[Any] = [{"a": [1], "b": {"c": None}}, {"a": ["x"], "b": {"d": 1.5}}, None]
    whole, parts = Shape(), Shape()
    for sample in samples:
        whole.add(sample)
        part = Shape()
        part.add(sample)
        parts.merge(part)
    assert msgspec.to_builtins(parts, order="sorted") == msgspec.to_builtins(whole, order="sorted")
