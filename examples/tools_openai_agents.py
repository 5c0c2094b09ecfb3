"""Tools of an account in the OpenAI Agents SDK: pip install openai-agents."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import functools
from typing import Any

from agents import FunctionTool

from refold_async.agents import Tools


def agents_tools(tools: Tools) -> list[FunctionTool]:
    """Return tools for `Agent(tools=...)`."""

    async def call(name: str, _: Any, arguments: str) -> str:
        return (await tools.call(name, arguments)).to_json()

    return [
        FunctionTool(
            name=each["name"],
            description=each["description"],
            params_json_schema=each["parameters"],
            on_invoke_tool=functools.partial(call, each["name"]),
            strict_json_schema=each["strict"],
        )
        for each in tools.openai()
    ]
