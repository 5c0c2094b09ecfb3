"""Generates mutants of a module: a comparison flipped, a constant changed, a statement removed.

Docstrings, annotations, decorators, error messages, reprs and type-checking code are not mutated, because a
change there does not change behaviour.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.RShift: ast.LShift, ast.LShift: ast.RShift, ast.BitAnd: ast.BitOr, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}  # fmt: skip
_NAMES: Final = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "popleft": "pop",
    "append": "appendleft",
}
_SILENT: Final = {"__repr__", "__str__", "_words"}
_WORDS: Final = {"add_note", "cast", "TypeVar"}


@dataclass(frozen=True)
class Mutant:
    """A module with one mutation.

    Attributes:
        place: The function or class that contains it.
        was, becomes: The original code and its replacement.
        tree: The mutated module.
    """

    place: str
    was: str
    becomes: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of the source."""
    tree = ast.parse(source)
    for number, (place, node) in enumerate(_places(tree, "")):
        for change in _changes(node):
            changed = copy.deepcopy(tree)
            _, twin = next(item for index, item in enumerate(_places(changed, "")) if index == number)
            replacement = change(copy.deepcopy(twin))
            _put(changed, twin, replacement)
            ast.fix_missing_locations(changed)
            yield Mutant(place, _text(node), _text(replacement), changed)


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else f"{text[:100]}…"


def _places(node: ast.AST, place: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield every node that affects behaviour."""
    for child in _behaviour(node):
        name = place
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if child.name in _SILENT:
                continue
            name = f"{place}.{child.name}".lstrip(".")
        yield name, child
        yield from _places(child, name)


def _behaviour(node: ast.AST) -> Iterator[ast.AST]:
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "decorator_list", "bases", "type_params"}:
            continue
        if isinstance(node, ast.ClassDef) and field == "keywords":
            continue
        children = value if isinstance(value, list) else [value]
        yield from (
            child for child in children if isinstance(child, ast.AST) and not _is_text(node, field, child)
        )


def _is_text(parent: ast.AST, field: str, child: ast.AST) -> bool:
    """Return whether a node only matters to readers or type checkers."""
    match child:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.Assert():
            return True
        case ast.If(test=test):
            return "TYPE_CHECKING" in ast.unparse(test)
        case ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case ast.Assign(targets=[ast.Name(id="__slots__")]):
            return True
    return isinstance(parent, ast.JoinedStr) or (field == "args" and _is_message(parent, child))


def _is_message(call: ast.AST, argument: ast.AST) -> bool:
    """Return whether an argument is an error message or the name of a type."""
    if not isinstance(call, ast.Call) or not isinstance(argument, ast.Constant | ast.JoinedStr):
        return False
    called = ast.unparse(call.func).rpartition(".")[2]
    return called.endswith("Error") or called in _WORDS


def _put(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
                return
            if isinstance(value, list) and any(item is old for item in value):
                value[next(index for index, item in enumerate(value) if item is old)] = new
                return


def _changes(node: Any) -> Iterator[Callable[[Any], Any]]:
    match node:
        case ast.Compare(ops=[operator, *_]) if type(operator) in _COMPARISONS:
            yield _compared
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator) in _OPERATORS:
            yield _operated
        case ast.BoolOp():
            yield _joined
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield lambda twin: twin.operand
        case ast.Constant(value=value) if value is not None and value is not ...:
            yield _moved
        case ast.Name(id=name) if name in _NAMES:
            yield lambda twin: ast.Name(_NAMES[twin.id], twin.ctx)
        case ast.Attribute(attr=name) if name in _NAMES:
            yield lambda twin: ast.Attribute(twin.value, _NAMES[twin.attr], twin.ctx)
        case ast.If() | ast.While() | ast.IfExp():
            yield _negated
        case ast.Break():
            yield lambda _: ast.Continue()
        case ast.Continue():
            yield lambda _: ast.Break()
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield lambda _: ast.Return(ast.Constant(None))
    if isinstance(node, ast.Expr | ast.Raise) or (
        isinstance(node, ast.AugAssign | ast.Assign) and _is_removable(node)
    ):
        yield lambda _: ast.Pass()


def _is_removable(node: ast.AugAssign | ast.Assign) -> bool:
    """Return whether removing an assignment does more than leave a name undefined."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return isinstance(node, ast.AugAssign) or all(isinstance(each, ast.Attribute) for each in targets)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _compared(node: Any) -> Any:
    node.ops[0] = _COMPARISONS[type(node.ops[0])]()
    return node


def _operated(node: Any) -> Any:
    node.op = _OPERATORS[type(node.op)]()
    return node


def _joined(node: Any) -> Any:
    node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    return node


def _negated(node: Any) -> Any:
    node.test = ast.UnaryOp(ast.Not(), node.test)
    return node


def _moved(node: Any) -> Any:
    value = node.value
    match value:
        case bool():
            node.value = not value
        case int() | float():
            node.value = value + 1
        case str():
            node.value = f"{value}XX"
        case bytes():
            node.value = value + b"XX"
    return node
