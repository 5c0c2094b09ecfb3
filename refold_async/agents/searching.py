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

INDIRECT: Final[tuple[tuple[str, str, dict[str, Any], Effect], ...]] = (
    (
        SEARCH,
        "Find tools by what they do. Answers with their names, descriptions and parameters.",
        {
            "type": "object",
            "properties": {"query": {"type": "string", "description": "What the tool should do."}},
            "required": ["query"],
            "additionalProperties": False,
        },
        "read",
    ),
    (
        CALL,
        "Call a tool that search_tools found.",
        {
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "The tool's name."},
                "arguments": {"type": "string", "description": "Its arguments: a JSON object, as text."},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        },
        "write",
    ),
)


def search(arguments: object, tools: Iterable[Tool]) -> list[Tool] | str:
    """Return the tools that a query describes best, or what is wrong with the query."""
    given = decoded(arguments)
    query = given.get("query") if isinstance(given, dict) else None
    if not isinstance(query, str) or not query.strip():
        return "query must be a text: what the tool should do"
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
