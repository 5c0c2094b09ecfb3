"""No text of the service becomes code, whatever an app's schemas and samples say.

`REFOLD_CODEGEN_EXAMPLES=10000` lets it try as many apps.
"""

import ast
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from refold_async import ActionParameter, ActionResult, ActionSchema, Call, TypedResult
from refold_async.api.actions import Action
from refold_async.codegen.differences import differences, read_module
from refold_async.codegen.fetching import merge
from refold_async.codegen.model import AppModel, Shape
from refold_async.codegen.names import NameTakenError
from refold_async.codegen.rendering import render

EXAMPLES = int(os.environ.get("REFOLD_CODEGEN_EXAMPLES", "200"))

NASTY = [
    '"""', "'''", '"', "'", "\\", "\\\\", '\\"""', "\n", "\r\n", "\0", "{x}", "{{", "}", "%s", "#", "a\nimport os\n",
    '"""\nimport os\nos.abort()\n"""', "');import os;('", "f'{__import__(\"os\")}'", "имя", "\u0430dmin", "名前", "\u202eabc", "\u2028", "\u00a0",
    "class", "None", "match", "def", "lambda", "self", "cls", "__init__", "__class__", "__debug__", "id", "type", "list", "str", "dict",
    "Call", "TypedResult", "ActionResult", "Any", "msgspec", "Literal", "TypeAlias", "Account", "linked_account_id", "call_key", "params",
    "calls", "walks", "_given", "_Calls", "_account", "name", "field", "default", "structs_wanted", "globals", "TYPE_CHECKING",
    "get_contact", "getContact", "get-contact", "get.contact", "2fa", "-", "", " ", "a b", "a" * 200, "ﬁ", "ß", "ŉ", "\ud83d",
]  # fmt: skip

texts = (
    st.sampled_from(NASTY) | st.text(max_size=12) | st.lists(st.sampled_from(NASTY), max_size=3).map("".join)
)
ids = texts.filter(bool)
odd = st.none() | st.booleans() | st.integers() | st.lists(st.integers(), max_size=2)
valid = texts.filter(lambda text: "\ud83d" not in text)
parameters = st.builds(
    ActionParameter,
    name=ids,
    label=texts | odd,
    required=st.booleans() | st.none(),
    type=st.sampled_from(["text", "json", "Email", "Number", "Textarea", "URL", "new"]) | texts | odd,
    placeholder=texts,
    help_text=texts | odd,
    options=st.none()
    | odd
    | texts
    | st.lists(texts | st.integers() | odd | st.fixed_dictionaries({"value": texts}), max_size=4),
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | valid,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(valid, inner, max_size=4),
    max_leaves=8,
)
actions = st.tuples(
    texts | odd, texts | odd, st.lists(parameters | odd, max_size=5), st.lists(values, max_size=3)
)
apps = st.tuples(ids, st.dictionaries(ids, actions, max_size=4))

CALLS = {
    "structs_wanted", "globals", "_given", "params.items", "_Calls", "Call", "TypedResult",
    "self._account.actions.execute", "msgspec.field",
}  # fmt: skip
STATEMENTS = (
    ast.Import, ast.ImportFrom, ast.If, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.AnnAssign,
    ast.Assign, ast.Return, ast.Expr,
)  # fmt: skip
IMPORTS = {
    "from __future__ import annotations", "from typing import", "import msgspec", "from refold_async import",
    "from refold_async.typed import structs_wanted",
}  # fmt: skip


def app_of(slug: str, described: dict[str, Any]) -> tuple[AppModel, dict[str, list[Any]]]:
    made, shapes = [], dict[str, Shape]()
    for id_, (name, description, params, samples) in sorted(described.items()):
        action = Action(action_id=id_, name=name, description=description)
        made.append(merge(id_, [(action, ActionSchema(params))], {}))
        for sample in samples:
            shapes.setdefault(id_, Shape()).add(sample)
    answered = {id_: samples for id_, (*_, samples) in described.items()}
    return AppModel(slug=slug, actions=tuple(made), shapes=shapes, names={}), answered


def rendered(app: AppModel) -> tuple[str, AppModel]:
    """Render an app; where names collide, with a name for each."""
    try:
        return render(app), app
    except NameTakenError:
        names = {each.id: f"do_{number}" for number, each in enumerate(app.actions)}
        for action in app.actions:
            names |= {
                f"{action.id}.{each.id}": f"by_{number}" for number, each in enumerate(action.parameters)
            }
        app = msgspec.structs.replace(app, names=names)
        return render(app), app


def assert_inert(text: str) -> None:
    """See that a module has the statements and calls of its template only."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            assert isinstance(node, STATEMENTS), ast.unparse(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert any(ast.unparse(node).startswith(each) for each in IMPORTS)
            assert node in tree.body
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) in CALLS
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant)
        if isinstance(node, ast.FormattedValue):
            assert ast.unparse(node.value) == "__name__"
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node).partition(".")[0] in {"self", "params", "msgspec"}
        assert not isinstance(node, ast.Lambda | ast.NamedExpr | ast.Subscript | ast.Await) or is_template(
            node
        )


def is_template(node: ast.AST) -> bool:
    if isinstance(node, ast.Await):
        return ast.unparse(node).startswith("await self._account.actions.execute(")
    known = {"Literal", "list", "dict", "TypedResult"}
    return isinstance(node, ast.Subscript) and ast.unparse(node.value) in known


@contextmanager
def imported(text: str) -> Iterator[ModuleType]:
    """Execute a module whose structs are defined at once, as that of a script."""
    module = ModuleType("generated_hostile")
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, "generated", "exec", dont_inherit=True), module.__dict__)
        yield module
    finally:
        del sys.modules[module.__name__]


@settings(max_examples=EXAMPLES)
@given(apps)
def test_no_text_of_the_service_becomes_code(described: tuple[str, dict[str, Any]]) -> None:
    app, answered = app_of(*described)
    text, app = rendered(app)
    assert_inert(text)
    facts = read_module(text)
    assert {id_: set(each.parameters) for id_, each in facts.actions.items()} == {
        each.id: {parameter.id for parameter in each.parameters} for each in app.actions
    }
    assert differences(facts, facts, results=True) == []
    with imported(text) as module:
        names = vars(module)
        calls = names["_Calls"]
        client = next(value for value in names.values() if isinstance(getattr(value, "calls", None), calls))
        for action in app.actions:
            method = facts.actions[action.id]
            by_name = {each.python_name: f"v{id_}" for id_, each in method.parameters.items()}
            call = getattr(calls, method.python_name)("account", "key", **by_name)
            assert call == Call(
                "account", app.slug, action.id, {id_: f"v{id_}" for id_ in method.parameters},
                key="key", effect=action.effect,
            )  # fmt: skip
            returns = getattr(client, method.python_name).__annotations__["return"]
            for sample in answered[action.id] if returns != "ActionResult" else []:
                decoded(sample, names[returns.removeprefix("TypedResult[")[:-1]])


def decoded(sample: Any, kind: Any) -> None:
    """See that a sample fits the type that was inferred from it, and keeps its fields."""
    raw = msgspec.json.encode(sample)
    data = msgspec.json.decode(raw, type=kind)
    assert TypedResult(ActionResult("Success", None, msgspec.Raw(raw)), kind).data == data
    if isinstance(data, msgspec.Struct):
        written = msgspec.to_builtins(data)
        plain = {
            key for key, value in written.items() if key in sample and not isinstance(value, dict | list)
        }
        assert {key: written[key] for key in plain} == {key: sample[key] for key in plain}
        assert all(key in written or set(key) & set('"\\') or not key.isprintable() for key in sample)
