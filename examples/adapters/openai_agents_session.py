"""An agent of the OpenAI Agents SDK whose session is a chat. The model is scripted: no key, no network.

pip install 'memoryqa[openai-agents]'
python examples/adapters/openai_agents_session.py
"""

from __future__ import annotations

import asyncio
import tempfile

from memoryqa import Memories
from memoryqa.errors import exit_without_extras

with exit_without_extras():
    from agents import Agent, Runner, set_tracing_disabled
    from agents.testing import ScriptedModel, assistant_message

    from memoryqa.adapters.openai_agents import MemorySession

set_tracing_disabled(True)


async def main(chats: Memories) -> None:
    model = ScriptedModel([[assistant_message("Congratulations!")], [assistant_message("To Porto.")]])
    agent = Agent("helper", model=model)
    session = MemorySession("ana", chats, speakers={"user": "Ana"})
    await Runner.run(agent, "I moved to Porto!", session=session)
    done = await Runner.run(agent, "Where did I move to?", session=session)
    print(done.final_output, len(await session.get_items()))
    for turn in chats["ana"].search("Who moved to Porto?", budget_tokens=100):
        print(turn.id, turn.speaker, turn.text)


with tempfile.TemporaryDirectory() as folder, Memories.open(folder) as folder_of_chats:
    asyncio.run(main(folder_of_chats))
