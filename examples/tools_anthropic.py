"""Tools of an account with Anthropic's client: pip install anthropic."""

# pyright: reportMissingImports=false

from typing import Any, cast

from anthropic import AsyncAnthropic

from refold_async.agents import Tools


async def converse(client: AsyncAnthropic, model: str, tools: Tools, question: str) -> str:
    """Ask a model, and call tools for it until it has answered."""
    messages: list[Any] = [{"role": "user", "content": question}]
    while True:
        reply = await client.messages.create(
            model=model, max_tokens=1024, messages=messages, tools=cast("Any", tools.anthropic())
        )
        messages.append({"role": "assistant", "content": reply.content})
        results = []
        for part in reply.content:
            if part.type == "tool_use":
                answer = await tools.call(part.name, part.input)
                results.append(
                    {
                        "type": "tool_result",
                        "tool_use_id": part.id,
                        "content": answer.to_json(),
                        "is_error": not answer.ok,
                    }
                )
        if not results:
            return "".join(part.text for part in reply.content if part.type == "text")
        messages.append({"role": "user", "content": results})
