"""A DSPy agent that searches a memory and keeps its own history there. The model is scripted: no key, no network.

pip install 'memoryqa[ask]'
python examples/adapters/dspy_tools.py
"""

from __future__ import annotations

from memoryqa import AdaptiveMemory
from memoryqa.errors import exit_without_extras

with exit_without_extras():
    import dspy
    from dspy.utils import DummyLM

    from memoryqa.adapters.dspy import history_of, keep_history, memory_tools

memory = AdaptiveMemory()
memory.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")

script = DummyLM(
    [
        {
            "next_thought": "Look it up.",
            "next_tool_name": "search",
            "next_tool_args": '{"question": "When did Ana move?"}',
        },
        {"next_thought": "Enough.", "next_tool_name": "finish", "next_tool_args": "{}"},
        {"reasoning": "The line says so.", "answer": "On 20 May 2023 [D1:1]."},
    ]
)
with dspy.context(lm=script):
    done = dspy.ReAct("question -> answer", tools=memory_tools(memory))(question="When did Ana move?")
print(done.trajectory["observation_0"])
print(done.answer)

asked = {"question": "When did Ana move?", "answer": done.answer}
keep_history(memory, dspy.History(messages=[asked]), {"question": "Bo", "answer": "assistant"})
print(history_of(memory).messages == [asked], len(memory))
