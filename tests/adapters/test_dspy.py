"""DSPy's ReAct and RLM use the memory as tools; histories go in and come out as they were."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa import AdaptiveMemory, Memories

dspy = pytest.importorskip("dspy")

from dspy.utils import DummyLM  # noqa: E402

from memoryqa.adapters.dspy import history_of, keep_history, memory_tools  # noqa: E402

LINES = (
    ("2023-05-25", "Ana", "I moved to Porto last Saturday!"),
    ("2023-05-25", "Bo", "Then we will visit you."),
    ("2023-07-02", "Bo", "My sister Lena plays the oboe in an orchestra."),
)


@pytest.fixture
def memory() -> AdaptiveMemory:
    found = AdaptiveMemory()
    for time, speaker, text in LINES:
        found.add(text, speaker=speaker, time=time)
    return found


def tools(source: Any, **how: Any) -> dict[str, Any]:
    return {tool.name: tool for tool in memory_tools(source, **how)}


def test_the_tools_search_and_open(memory: AdaptiveMemory) -> None:
    both = tools(memory)
    assert list(both) == ["search", "open"]
    found = both["search"](question="When did Ana move?")
    assert found.startswith("[D1, 25 May 2023]\n1 Ana: I moved to Porto last Saturday (= 20 May 2023)!")
    assert both["search"](question="What about the nuclear reactor?") == "(nothing found)"
    assert both["search"](question="Who plays?", people=["Ana"], budget_tokens=50) == "(nothing found)"
    assert "Then we will visit you." in both["open"](id="D1:1", around=1)
    assert both["open"](id="D1:2", around=0) == "[D1, 25 May 2023]\n2 Bo: Then we will visit you."


def test_every_argument_is_described_and_only_the_question_is_required(memory: AdaptiveMemory) -> None:
    for tool in memory_tools(memory):
        assert all("description" in schema for schema in tool.args.values()), tool.name
        required = [name for name, schema in tool.args.items() if "default" not in schema]
        assert required == ["question" if tool.name == "search" else "id"]


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search", {"question": " "}, "Error: the question is empty"),
        ("search", {"question": "Who?", "since": "soon"}, "Error: "),
        ("search", {"question": "Who?", "budget_tokens": -5}, "Error: "),
        ("open", {"id": "D9:9"}, "Error: "),
        ("open", {"id": "nothing"}, "Error: "),
        ("open", {"id": "D1:1", "around": 1000}, "Error: around must lie in 0..100"),
    ],
)
def test_a_call_that_makes_no_sense_says_so(memory: AdaptiveMemory, tool: str, arguments: Any, told: str) -> None:
    said = tools(memory)[tool](**arguments)
    assert said.startswith(told)
    assert "\n" not in said


def test_the_chats_of_a_folder_are_searched_together_or_by_name(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as chats:
        chats.create("ana").add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")
        chats.create("work").add("The oven in the kitchen is broken.", speaker="Kim", time="2024-01-01")
        both = tools(chats)
        assert both["search"](question="What is broken?").startswith("# work\n[D1, 1 January 2024]\n1 Kim: The oven")
        assert both["search"](question="What is broken?", chats=["ana"]) == "(nothing found)"
        assert both["search"](question="Who?", chats=["x"]) == "Error: there is no chat 'x'; there are: ana, work"
        assert both["open"](id="D1:1") == "Error: name the chat; there are: ana, work"
        assert "The oven" in both["open"](id="D1:1", chat="work")


def test_what_another_process_adds_is_found(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as chats, Memories.open(tmp_path) as others:
        chats.create("ana").add("Nothing yet.", speaker="Ana")
        both = tools(chats)
        others.create("ana").add("I moved to Porto!", speaker="Ana")
        others.create("new").add("The oven is broken.", speaker="Kim")
        assert "Porto" in both["search"](question="Who moved to Porto?")
        assert "oven" in both["search"](question="Is the oven broken?")


def test_react_searches_and_answers(memory: AdaptiveMemory) -> None:
    lm = DummyLM(
        [
            {
                "next_thought": "I look it up.",
                "next_tool_name": "search",
                "next_tool_args": '{"question": "When did Ana move?"}',
            },
            {"next_thought": "Enough.", "next_tool_name": "finish", "next_tool_args": "{}"},
            {"reasoning": "It says so.", "answer": "On 20 May 2023 [D1:1]"},
        ]
    )
    with dspy.context(lm=lm):
        done = dspy.ReAct("question -> answer", tools=memory_tools(memory))(question="When did Ana move?")
    assert "(= 20 May 2023)" in done.trajectory["observation_0"]
    assert done.answer == "On 20 May 2023 [D1:1]"


def test_react_does_so_asynchronously_too(memory: AdaptiveMemory) -> None:
    steps = [
        {"next_thought": "", "next_tool_name": "open", "next_tool_args": '{"id": "D1:1", "around": 0}'},
        {"next_thought": "", "next_tool_name": "finish", "next_tool_args": "{}"},
        {"reasoning": "", "answer": "Porto"},
    ]

    async def main() -> Any:
        with dspy.context(lm=DummyLM(steps)):
            return await dspy.ReAct("question -> answer", tools=memory_tools(memory)).acall(question="Where?")

    assert "I moved to Porto" in asyncio.run(main()).trajectory["observation_0"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_rlm_calls_both_from_its_code(memory: AdaptiveMemory) -> None:
    code = (
        "```python\nlines = search(question='Who plays the oboe?')\nprint(lines, open(id='D2:1', around=0))\n```",
        "```python\nSUBMIT('Lena' if 'Lena' in lines else 'nobody')\n```",
    )
    lm = DummyLM([{"reasoning": "I look.", "code": one} for one in code])
    rlm = dspy.RLM("question -> answer", tools=memory_tools(memory), interpreter_factory=dspy.LocalInterpreter)
    with dspy.context(lm=lm):
        done = rlm(question="Who plays the oboe?")
    assert done.answer == "Lena"
    assert done.trajectory[0]["output"].count("2 July 2023") == 2


# -- histories ---------------------------------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
exchanges = st.lists(st.dictionaries(st.text(), values, min_size=1, max_size=4), max_size=5)


@given(exchanges)
def test_a_history_comes_back_as_it_was(messages: list[dict[str, Any]]) -> None:
    memory, history = AdaptiveMemory(), dspy.History(messages=messages)
    keep_history(memory, history)
    assert history_of(memory) == history


def test_a_history_lives_in_a_file_and_can_be_searched(tmp_path: Path) -> None:
    history = dspy.History(messages=[{"question": "Who plays the oboe?", "answer": "Lena.", "sure": 0.9}])
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        keep_history(memory, history, {"question": "Ana", "answer": "assistant"})
        assert "Ana: Who plays the oboe?" in memory.search("Who plays the oboe?").text
        assert "memoryqa:" not in memory.transcript().text
        assert not memory.search("memoryqa exchange field data", min_score=0.1)
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        assert history_of(memory) == history


def test_a_history_that_grows_is_kept_once() -> None:
    memory = AdaptiveMemory()
    one, two, three = ({"question": f"Question {n}?", "answer": f"Answer {n}."} for n in range(3))
    assert len(keep_history(memory, dspy.History(messages=[one]))) == 2
    assert len(keep_history(memory, dspy.History(messages=[one, two]))) == 2
    assert len(keep_history(memory, dspy.History(messages=[two, three]))) == 2
    assert keep_history(memory, dspy.History(messages=[one, two, three])) == []
    assert history_of(memory).messages == [one, two, three]
    assert history_of(memory, last=1).messages == [three]
    assert history_of(memory, last=0).messages == []


def test_what_is_forgotten_or_corrected_is_so_in_the_history() -> None:
    memory = AdaptiveMemory()
    turns = keep_history(memory, dspy.History(messages=[{"question": "Who?", "answer": "Lena", "ids": ["D1:1"]}]))
    memory.correct(turns[1].id, "Lena Olsen")
    memory.correct(turns[2].id, "none", keep_revision=False)
    assert history_of(memory).messages == [{"question": "Who?", "answer": "Lena Olsen", "ids": "none"}]
    memory.forget(turns[0].id)
    assert history_of(memory).messages == [{"answer": "Lena Olsen", "ids": "none"}]
    memory.forget(everything=True)
    assert history_of(memory).messages == []
