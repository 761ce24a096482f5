"""An agent of Pydantic AI calls the toolset."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from memoryqa import AdaptiveMemory, Memories

pytest.importorskip("pydantic_ai")

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from memoryqa.adapters.pydantic_ai import memory_toolset

pytestmark = pytest.mark.filterwarnings("ignore")


def returned(messages: list[ModelMessage]) -> list[str]:
    return [str(part.content) for one in messages for part in one.parts if part.part_kind == "tool-return"]


def test_an_agent_searches_opens_and_answers() -> None:
    memory = AdaptiveMemory()
    memory.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")
    steps = [("search", {"question": "When did Ana move?"}), ("open", {"id": "D1:1"}), ("open", {"id": "D9:9"})]
    seen: list[AgentInfo] = []

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.append(info)
        done = returned(messages)
        if len(done) < len(steps):
            name, arguments = steps[len(done)]
            return ModelResponse(parts=[ToolCallPart(name, arguments)])
        return ModelResponse(parts=[TextPart("On 20 May 2023 [D1:1].")])

    agent = Agent(FunctionModel(model), toolsets=[memory_toolset(memory)])
    done = asyncio.run(agent.run("When did Ana move?"))
    assert done.output == "On 20 May 2023 [D1:1]."
    line = "[D1, 25 May 2023]\n1 Ana: I moved to Porto last Saturday (= 20 May 2023)!"
    assert returned(done.all_messages()) == [line, line, "Error: " + returned(done.all_messages())[2][7:]]
    search, opened = seen[0].function_tools
    assert (search.name, opened.name) == ("search", "open")
    assert search.description == "Find the few dated, cited lines of a past conversation that answer a question."
    assert search.parameters_json_schema["required"] == ["question"]
    assert all("description" in one for one in search.parameters_json_schema["properties"].values())
    assert "cite their ids" in str(seen[0].instructions)


def test_the_chats_of_a_folder_are_named(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as chats:
        chats.create("ana").add("I moved to Porto!", speaker="Ana", time="2023-05-25")
        toolset = memory_toolset(chats, budget_tokens=50)
        schema = toolset.tools["search"].function_schema.json_schema
    assert set(schema["properties"]) == {"question", "chats", "people", "since", "until", "budget_tokens"}
    assert schema["properties"]["budget_tokens"]["default"] == 50
