"""An agent of Pydantic AI that searches a memory. The model is scripted: no key, no network.

pip install 'memoryqa[pydantic-ai]'
python examples/adapters/pydantic_ai_toolset.py
"""

from __future__ import annotations

import asyncio

from memoryqa import AdaptiveMemory
from memoryqa.errors import exit_without_extras

with exit_without_extras():
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel

    from memoryqa.adapters.pydantic_ai import memory_toolset

memory = AdaptiveMemory()
memory.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")


def script(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """In place of a model: search, then answer."""
    last = messages[-1].parts[-1]
    if last.part_kind == "tool-return":
        print(last.content)
        return ModelResponse(parts=[TextPart("On 20 May 2023 [D1:1].")])
    return ModelResponse(parts=[ToolCallPart("search", {"question": "When did Ana move?"})])


agent = Agent(FunctionModel(script), toolsets=[memory_toolset(memory)])
print(asyncio.run(agent.run("When did Ana move?")).output)
