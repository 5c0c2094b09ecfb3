"""Results whose data has a type: what is absent, null, unknown or odd never loses a page."""

import pickle
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from refold_async import ActionResult, TypedResult, UnreadableReplyError
from refold_async.results import of_call
from refold_async.typed import structs_wanted


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    name: str | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    id: str | None = None
    owner: Owner = msgspec.field(default_factory=Owner)
    tags: list[str] = msgspec.field(default_factory=list)
    deputy: Owner | None = None
    by_day: dict[str, Owner] = msgspec.field(default_factory=dict, name="by-day")
    anything: Any = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    results: list[Item] = msgspec.field(default_factory=list)


def read(text: str, kind: Any = Page) -> Any:
    return TypedResult(ActionResult("Success", None, msgspec.Raw(text.encode())), kind).data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", Page()),
        ('{"results": null}', Page()),
        ('{"unknown": 1, "results": []}', Page()),
        (
            '{"results": [{"id": "1", "owner": {"name": "Ann"}}]}',
            Page(results=[Item(id="1", owner=Owner(name="Ann"))]),
        ),
        ('{"results": [{"owner": null, "tags": null}]}', Page(results=[Item()])),
        (
            '{"results": [{"tags": null, "by-day": {"monday": {"name": "Ann"}}}]}',
            Page(results=[Item(by_day={"monday": Owner(name="Ann")})]),
        ),
        ('{"results": [{"deputy": null, "anything": null}]}', Page(results=[Item()])),
        (
            '{"results": [{"by-day": {"monday": {"name": null}}}]}',
            Page(results=[Item(by_day={"monday": Owner()})]),
        ),
    ],
)
def test_absent_and_null_fields_have_their_defaults(text: str, expected: Page) -> None:
    assert read(text) == expected


def test_an_odd_field_keeps_its_value_and_the_rest_is_typed() -> None:
    page = read('{"results": [{"id": 7, "owner": "Ann"}, {"id": "8", "owner": {"name": "Bo"}}, 9]}')
    assert page.results[0] == Item(id=7, owner="Ann")  # type: ignore[arg-type]
    assert page.results[1].owner.name == "Bo"
    assert page.results[2] == 9


@pytest.mark.parametrize(("text", "expected"), [("[]", []), ("null", None), ('"gone"', "gone")])
def test_data_of_another_shape_is_what_came(text: str, expected: object) -> None:
    assert read(text) == expected


def test_a_list_is_typed() -> None:
    assert read('[{"name": "Ann"}, {"name": 1}]', list[Owner])[0] == Owner(name="Ann")


def test_data_that_is_not_json_raises() -> None:
    with pytest.raises(UnreadableReplyError, match="not JSON"):
        read("{")


def test_the_kind_may_be_named() -> None:
    assert read('{"name": "Ann"}', f"{__name__}:Owner") == Owner(name="Ann")
    assert read("{}", "http:HTTPStatus") == {}


def test_it_is_an_action_result() -> None:
    plain = ActionResult("Success", 200, msgspec.Raw(b'{"name": "Ann"}'))
    typed = TypedResult(plain, Owner)
    assert typed == plain
    assert hash(typed) == hash(plain)
    assert typed.http_status == 200
    assert typed.into(dict[str, str]) == {"name": "Ann"}
    again = pickle.loads(pickle.dumps(typed))
    assert isinstance(again, TypedResult)
    assert again.data == Owner(name="Ann")
    assert again.data is again.data


def test_the_errors_of_its_data_name_the_call() -> None:
    result = of_call(
        ActionResult("Success", None, msgspec.Raw(b"{")), (("hubspot", "get_contact"), "demo-user-1", "read")
    )
    with pytest.raises(UnreadableReplyError) as caught:
        _ = TypedResult(result, Owner).data
    assert (caught.value.slug, caught.value.action_id) == ("hubspot", "get_contact")
    assert caught.value.linked_account_id == "demo-user-1"


def test_a_script_has_its_structs_at_once() -> None:
    assert structs_wanted({"__name__": "__main__", "__spec__": None})


def test_a_module_that_is_not_imported_yet_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "apart.py").write_text("class Kind(dict): ...")
    monkeypatch.syspath_prepend(tmp_path)
    assert type(read("{}", "apart:Kind")).__name__ == "dict"
    monkeypatch.delitem(sys.modules, "apart")
