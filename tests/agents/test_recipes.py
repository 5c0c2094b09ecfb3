# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
"""The recipes for agent frameworks, each with a fake model that calls one tool."""

import json
import runpy
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from refold_async import KeyAccount
from refold_async.agents import Tools
from refold_async.sandbox import Sandbox

from .conftest import ALLOWED, CREATE, written

EXAMPLES = Path(__file__).parents[2] / "examples"
ANN = {"email": "ann@example.com"}


def needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(module) is None, reason=f"{module} is not installed")


def recipe(name: str) -> Any:
    """Return an example as a module."""
    return SimpleNamespace(**runpy.run_path(str(EXAMPLES / f"{name}.py")))


@pytest.fixture
async def tools(account: KeyAccount) -> Tools:
    return await account.tools(ALLOWED, writes="allow")


# Frameworks have warnings of their own, which are not ours to fix.
pytestmark = pytest.mark.filterwarnings("default")


@needs("pydantic_ai")
async def test_pydantic_ai(tools: Tools, sandbox: Sandbox) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel

    pydantic_ai_tools = recipe("tools_pydantic_ai").pydantic_ai_tools

    def model(messages: Any, info: Any) -> ModelResponse:
        if len(messages) == 1:
            assert CREATE in [each.name for each in info.function_tools]
            return ModelResponse(parts=[ToolCallPart(CREATE, ANN)])
        return ModelResponse(parts=[TextPart(str(messages[-1].parts[0].content))])

    agent = Agent(FunctionModel(model), tools=pydantic_ai_tools(tools))
    answer = await agent.run("Add Ann")
    assert json.loads(answer.output)["ok"]
    assert written(sandbox) == [ANN]


@needs("agents")
async def test_openai_agents(tools: Tools, sandbox: Sandbox) -> None:
    from agents import Agent, ModelResponse, RunConfig, Runner, Usage
    from agents.models.interface import Model
    from openai.types.responses import (
        ResponseFunctionToolCall,
        ResponseOutputMessage,
        ResponseOutputText,
    )

    agents_tools = recipe("tools_openai_agents").agents_tools

    class FakeModel(Model):
        async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: A002
            last = input[-1] if isinstance(input, list) else {}
            output: Any
            if last.get("type") == "function_call_output":
                text = ResponseOutputText(text=str(last["output"]), type="output_text", annotations=[])
                output = ResponseOutputMessage(
                    id="m", content=[text], role="assistant", status="completed", type="message"
                )
            else:
                output = ResponseFunctionToolCall(
                    call_id="c",
                    name=CREATE,
                    arguments=json.dumps({**ANN, "phone": None}),
                    type="function_call",
                )
            return ModelResponse(output=[output], usage=Usage(), response_id=None)

        def stream_response(self, *args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError

    agent = Agent(name="crm", model=FakeModel(), tools=list(agents_tools(tools)))
    answer = await Runner.run(agent, "Add Ann", run_config=RunConfig(tracing_disabled=True))
    assert json.loads(answer.final_output)["ok"]
    assert written(sandbox) == [ANN]


@needs("langchain_core")
async def test_langchain(tools: Tools, sandbox: Sandbox) -> None:
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.utils.function_calling import convert_to_openai_tool

    langchain_tools = recipe("tools_langchain").langchain_tools

    made = {each.name: each for each in langchain_tools(tools)}
    assert convert_to_openai_tool(made[CREATE])["function"]["parameters"]["required"] == ["email"]
    call: Any = {"name": CREATE, "args": ANN, "id": "c", "type": "tool_call"}
    model = GenericFakeChatModel(messages=iter([AIMessage("", tool_calls=[call])]))
    reply = await model.ainvoke("Add Ann")
    assert isinstance(reply, AIMessage)
    results = [await made[each["name"]].ainvoke(each) for each in reply.tool_calls]
    assert json.loads(results[0].content)["ok"]
    assert written(sandbox) == [ANN]


@needs("anthropic")
async def test_anthropic(tools: Tools, sandbox: Sandbox) -> None:
    import anthropic
    import httpx2

    converse = recipe("tools_anthropic").converse

    def reply(request: httpx2.Request) -> httpx2.Response:
        asked = json.loads(request.content)
        last = asked["messages"][-1]["content"]
        if isinstance(last, str):
            assert CREATE in [each["name"] for each in asked["tools"]]
            content: Any = {"type": "tool_use", "id": "t", "name": CREATE, "input": ANN}
        else:
            content = {"type": "text", "text": last[0]["content"]}
        message = {
            "id": "m", "type": "message", "role": "assistant", "model": "fake", "content": [content],
            "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
        }  # fmt: skip
        return httpx2.Response(200, json=message)

    async with anthropic.AsyncAnthropic(
        api_key="fake", http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(reply))
    ) as client:
        answer = await converse(client, "fake", tools, "Add Ann")
    assert json.loads(answer)["ok"]
    assert written(sandbox) == [ANN]
