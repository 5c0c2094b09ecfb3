"""Tools of an account in pydantic-ai: pip install pydantic-ai-slim."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import functools

from pydantic_ai import Tool

from refold_async.agents import Tools


def pydantic_ai_tools(tools: Tools) -> list[Tool[None]]:
    """Return tools for `Agent(model, tools=...)`."""

    async def call(name: str, **arguments: object) -> str:
        return (await tools.call(name, arguments)).to_json()

    return [
        Tool.from_schema(
            functools.partial(call, each["name"]), each["name"], each["description"], each["input_schema"]
        )
        for each in tools.anthropic()
    ]
