"""Tools of an account in LangChain: pip install langchain-core."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import functools

from langchain_core.tools import StructuredTool

from refold_async.agents import Tools


def langchain_tools(tools: Tools) -> list[StructuredTool]:
    """Return tools for `model.bind_tools(...)`."""

    async def call(tool: str, **arguments: object) -> str:
        return (await tools.call(tool, arguments)).to_json()

    return [
        StructuredTool(
            name=each["name"],
            description=each["description"],
            args_schema=each["input_schema"],
            coroutine=functools.partial(call, each["name"]),
        )
        for each in tools.anthropic()
    ]
