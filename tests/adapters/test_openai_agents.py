"""The OpenAI Agents SDK keeps a conversation in a session; items come back as they went in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa import AdaptiveMemory, Memories
from memoryqa.adapters.openai_agents import MemorySession

TALK: list[dict[str, Any]] = [
    {"role": "user", "content": "Where did I move to?"},
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "I look."}],
        "encrypted_content": "x",
    },
    {"type": "function_call", "call_id": "c1", "name": "search", "arguments": '{"question": "Where?"}'},
    {"type": "function_call_output", "call_id": "c1", "output": "1 Ana: I moved to Porto!"},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "To Porto.", "annotations": []}],
    },
]

scalars = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8)
parts = st.lists(
    st.builds(lambda text: {"type": "input_text", "text": text}, st.text(max_size=20))
    | st.just({"type": "input_image", "image_url": "data:image/png;base64,AA=="}),
    max_size=2,
)
extra = st.dictionaries(
    st.sampled_from(["id", "status", "phase", "x"]), scalars | st.lists(scalars, max_size=2), max_size=3
)
roles = st.sampled_from(["user", "assistant", "system", "developer", "other", " ", "tool"])
items = st.one_of(
    st.builds(lambda role, content, more: {"role": role, "content": content, **more}, roles, st.text() | parts, extra),
    st.builds(
        lambda name, arguments, more: {"type": "function_call", "name": name, "arguments": arguments, **more},
        *(st.text(max_size=9),) * 2,
        extra,
    ),
    st.builds(lambda out, more: {"type": "function_call_output", "output": out, **more}, st.text() | parts, extra),
    st.builds(
        lambda kind, more: {"type": kind, **more}, st.sampled_from(["reasoning", "web_search_call", "new"]), extra
    ),
)


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


@given(st.lists(items, max_size=5), st.dictionaries(st.sampled_from(["user", "assistant"]), st.text(min_size=1)))
def test_items_come_back_as_they_went_in(given_items: list[Any], speakers: dict[str, str]) -> None:
    session = MemorySession("a", AdaptiveMemory(), speakers=speakers)
    run(session.add_items(given_items))
    assert run(session.get_items()) == given_items


def test_a_session_is_a_chat_that_lives_in_a_file_and_is_searched(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as chats:
        run(MemorySession("thread/1", chats, speakers={"user": "Ana"}).add_items(TALK))
        run(MemorySession("other", chats).add_items([{"role": "user", "content": "Hello!"}]))
    with Memories.open(tmp_path) as chats:
        assert run(MemorySession("thread/1", chats).get_items()) == TALK
        memory = chats["thread(2f)1"]
        assert [(turn.speaker, turn.text) for turn in memory.turns()] == [
            ("Ana", "Where did I move to?"),
            ("assistant", "I look."),
            ("assistant", 'search({"question": "Where?"})'),
            ("tool", "1 Ana: I moved to Porto!"),
            ("assistant", "To Porto."),
        ]
        assert memory.search("Who moved to Porto?").ids[0] == "D1:4"


@pytest.mark.parametrize(("limit", "count"), [(None, 5), (2, 2), (0, 0), (99, 5), (-1, 5)])
def test_a_limit_gives_the_last_items_in_order(limit: int | None, count: int) -> None:
    session = MemorySession("a", AdaptiveMemory())
    run(session.add_items(TALK))
    assert run(session.get_items(limit)) == TALK[5 - count :]


def test_what_is_popped_or_cleared_is_forgotten(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as chats:
        session = MemorySession("a", chats)
        assert run(session.pop_item()) is None
        run(session.add_items(TALK))
        assert run(session.pop_item()) == TALK[-1]
        assert run(session.get_items()) == TALK[:-1]
        run(session.add_items([{"role": "user", "content": "Thank you."}]))
        assert run(session.get_items(1)) == [{"role": "user", "content": "Thank you."}]
        run(session.clear_session())
        assert run(session.get_items()) == []
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(said in left for said in (b"Porto", b"rs_1", b"Thank"))


def test_what_others_said_is_a_user_that_begins_with_a_name() -> None:
    memory = AdaptiveMemory()
    memory.add("I moved to Porto!", speaker="Ana")
    memory.add({"role": "assistant", "content": "Congratulations!"})
    assert run(MemorySession("a", memory).get_items()) == [
        {"role": "user", "content": "Ana: I moved to Porto!"},
        {"role": "assistant", "content": "Congratulations!"},
    ]


def test_a_corrected_item_says_the_new_text() -> None:
    memory = AdaptiveMemory()
    session = MemorySession("a", memory)
    run(session.add_items([{"role": "user", "content": "Hello", "id": "m1"}, TALK[-1]]))
    memory.correct("D1:1", "Hi")
    memory.correct("D1:2", "To Faro.")
    assert run(session.get_items()) == [
        {"role": "user", "content": "Hi", "id": "m1"},
        {"role": "assistant", "content": "To Faro."},
    ]


def test_the_sdk_runs_an_agent_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agents = pytest.importorskip("agents")
    from agents.memory import Session, SessionSettings
    from agents.testing import ScriptedModel, assistant_message, function_call

    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")

    @agents.function_tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"rain in {city}"

    script = ScriptedModel(
        [
            [assistant_message("Congratulations!")],
            [function_call("weather", {"city": "Porto"}, call_id="c1")],
            [assistant_message("It rains in Porto.")],
        ]
    )
    agent = agents.Agent("helper", model=script, tools=[weather])

    async def talk(chats: Memories) -> list[Any]:
        session = MemorySession("ana", chats)
        assert isinstance(session, Session)
        await agents.Runner.run(agent, "I moved to Porto!", session=session)
        done = await agents.Runner.run(agent, "How is the weather there?", session=session)
        assert done.final_output == "It rains in Porto."
        assert len(await MemorySession("ana", chats, session_settings=SessionSettings(limit=1)).get_items()) == 1
        return await session.get_items()

    with Memories.open(tmp_path) as chats:
        kept = asyncio.run(talk(chats))
        assert len(chats["ana"]) == len(kept) == 6
    assert [one.get("type", "message") for one in kept[2:]] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert [one["content"] for one in script.calls[1].input if one.get("role") == "user"] == [
        "I moved to Porto!",
        "How is the weather there?",
    ]
