"""The apps' data files are consistent."""

import msgspec
import pytest

from refold_async.sandbox.apps import App, AppAction, ObjectType, load_apps
from refold_async.sandbox.apps.engine import VERBS
from refold_async.sandbox.apps.shapes import SHAPES
from refold_async.sandbox.apps.values import GENERATORS, SeededChoices, generate

APPS = list(load_apps().values())
ACTIONS = [
    pytest.param(app, action, id=f"{app.slug}.{action.action_id}") for app in APPS for action in app.actions
]


def test_the_bundled_apps() -> None:
    assert set(load_apps()) == {"hubspot", "slack", "playground", "netsuite", "salesforce", "catalog"}


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.slug)
def test_an_app_is_loaded_from_its_file(app: App) -> None:
    ids = [action.action_id for action in app.actions]
    assert len(ids) == len(set(ids))
    assert ids[0] == "httprequest"
    assert app.shape in SHAPES
    for object_type in app.objects.values():
        assert set(object_type.fields.values()) - set(GENERATORS) <= {
            kind for kind in object_type.fields.values() if "|" in kind or ", " in kind
        }


@pytest.mark.parametrize(("app", "action"), ACTIONS)
def test_an_action(app: App, action: AppAction) -> None:
    assert action.kind == "http" or action.kind in VERBS
    names = [parameter.name for parameter in action.parameters]
    assert len(names) == len(set(names))
    if action.kind in {"get", "update", "delete"}:
        assert action.id_parameter in action.required
    if action.kind in {"create", "update"}:
        fields = set(names) - {action.id_parameter, "thread_ts"}
        assert fields <= set(app.objects[action.object].fields)


def test_an_action_needs_its_objects() -> None:
    action = AppAction(action_id="list_x", name="List", description="", kind="list", object="x")
    with pytest.raises(ValueError, match="x"):
        App(slug="a", name="A", description="", auth_type="oauth2", tags=[], actions=[action])


def test_ids_and_numbers_convert_both_ways() -> None:
    kind = ObjectType(fields={}, prefix="C", width=4, suffix="z")
    assert kind.id_of(7) == "C0007z"
    assert kind.number_of("C0007z") == 7
    for foreign in ("", "7", "C7z", "C0007", "C-007z", "C\u0660\u0660\u0660\u0667z", "C" + "9" * 30 + "z"):
        assert kind.number_of(foreign) is None


def test_values_are_deterministic_for_a_seed() -> None:
    kinds = {name: name for name in GENERATORS} | {"choice": "a|b", "turn": "x, y"}
    values = generate(kinds, SeededChoices("seed"), 3)
    assert values == generate(kinds, SeededChoices("seed"), 3)
    assert values != generate(kinds, SeededChoices("other"), 3)
    assert values["choice"] in {"a", "b"}
    assert values["turn"] == "y"
    assert msgspec.json.encode(values)
