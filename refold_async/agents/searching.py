"""Finding one of many tools: past some thirty, a model is given a search instead of all of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, Final

from refold_async._core.operation import Effect
from refold_async.agents.tool import Tool, decoded

MOST_TOOLS: Final = 30
SEARCH: Final = "search_tools"
CALL: Final = "call_tool"
_MOST_FOUND: Final = 5


def _indirect(
    name: str, description: str, effect: Effect, /, **parameters: str
) -> tuple[str, str, dict[str, Any], Effect]:
    properties = {each: {"type": "string", "description": text} for each, text in parameters.items()}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return name, description, {**schema, "additionalProperties": False}, effect


INDIRECT: Final = (
    _indirect(
        SEARCH,
        "Find tools by what they do. Answers with their names, descriptions and parameters.",
        "read",
        query="What the tool should do.",
    ),
    _indirect(
        CALL,
        "Call a tool that search_tools found.",
        "write",
        name="The tool's name.",
        arguments="Its arguments: a JSON object, as text.",
    ),
)


def search(arguments: object, tools: Iterable[Tool]) -> list[Tool] | str:
    """Return the tools that a query describes best, or what is wrong with the query."""
    given = decoded(arguments)
    query = given.get("query") if isinstance(given, dict) else None
    if not isinstance(query, str) or not query.strip():
        return "query must be a string: what the tool should do"
    return sorted(tools, key=lambda tool: _likeness(query[:200], tool), reverse=True)[:_MOST_FOUND]


def unwrapped(arguments: object) -> tuple[str, object]:
    """Return the tool and the arguments that a `call_tool` names."""
    given = decoded(arguments)
    if isinstance(given, str):
        return CALL, None
    return str(given.get("name", "")), given.get("arguments")


def _likeness(query: str, tool: Tool) -> float:
    words = set(re.findall(r"[a-z0-9]+", query.lower()))
    name = set(re.findall(r"[a-z0-9]+", tool.name.lower()))
    text = set(re.findall(r"[a-z0-9]+", tool.description.lower()))
    likeness = difflib.SequenceMatcher(None, query.lower(), tool.name.lower()).ratio()
    return 2 * len(words & name) + len(words & text) + likeness
