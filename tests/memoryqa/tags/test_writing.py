"""The tagging pass over real HTTP, from the session's lines to the turns' tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import dspy
import pytest
from openai_server import Message, OpenAIServer, Shaped, chat_fields, off_format, server_error, unauthorized

from memoryqa.lms.preflight import is_systemic
from memoryqa.lms.roles import build, resolve
from memoryqa.memory import AdaptiveMemory
from memoryqa.tags.files import TaggingStoppedError, Tags, with_tags
from memoryqa.tags.writing import (
    MAX_TURNS_PER_CALL,
    SessionTagger,
    TaggingReport,
    tag_conversations,
    tagging_cost,
)
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn

DAY = datetime(2023, 7, 15)
CHAT = [
    Turn(1, 1, "Ines", "Hi Bo!", DAY),
    Turn(1, 2, "Bo", "We took the tandem along the canal.", DAY),
    Turn(2, 1, "Ines", "My sister had twins.", DAY),
    Turn(2, 2, "Bo", "", DAY, "a photo of two babies"),
    Turn(3, 1, "Bo", "I was promoted yesterday!", DAY),
]
OTHER = Turn(1, 1, "Lena", "Our tandem is red.", DAY)
WORDS = {"tandem": "hobby, sport", "twins": "family, relatives", "promoted": "career", "babies": "relatives"}
READ = {
    "D1:1": (),
    "D1:2": ("hobby", "sport"),
    "D2:1": ("family", "relatives"),
    "D2:2": ("relatives",),
    "D3:1": ("career",),
}


def lines_sent(messages: list[Message]) -> list[str]:
    return re.findall(r"^\d+ \w+: .+$", str(messages[-1]["content"]), re.MULTILINE)


def write_tags(messages: list[Message], body: Mapping[str, Any]) -> str:
    """The tags of the words in WORDS, a line each."""
    found = [
        f"{line.split()[0]}: {tags}" for line in lines_sent(messages) for word, tags in WORDS.items() if word in line
    ]
    return chat_fields(tags="\n".join(found) or "none")


def tagger_of(server: OpenAIServer, *, cache: bool = True) -> SessionTagger:
    choice = resolve("task", model="hosted_vllm/test-model", api_base=server.api_base)
    tagger = SessionTagger()
    tagger.set_lm(build(choice, num_retries=0, cache=cache))
    return tagger


def test_every_session_costs_one_call_and_its_turns_get_their_tags() -> None:
    tags = Tags("test")
    with OpenAIServer(write_tags) as server:
        report = tag_conversations(tagger_of(server), {"chat": CHAT, "other": [OTHER]}, tags)
    assert report == TaggingReport(tagged=4, failures=())
    assert tags.conversations == {"chat": READ, "other": {"D1:1": ("hobby", "sport")}}
    assert len(server.chat_requests) == 4
    sent = {tuple(lines_sent(request.body["messages"])) for request in server.chat_requests}
    assert sent == {
        ("1 Ines: Hi Bo!", "2 Bo: We took the tandem along the canal."),
        ("1 Ines: My sister had twins.", "2 Bo: (photo: two babies)"),
        ("1 Bo: I was promoted yesterday (= 14 July 2023)!",),
        ("1 Lena: Our tandem is red.",),
    }
    memory = AdaptiveMemory()
    memory.extend(with_tags(CHAT, tags.conversations["chat"]))
    assert memory.rank("What are Bo's hobbies?")[0].id == "D1:2"


def test_what_is_tagged_is_not_asked_again_nor_what_is_in_the_cache() -> None:
    tags, again = Tags("test"), Tags("test")
    with OpenAIServer(write_tags) as server:
        tagger = tagger_of(server)
        tag_conversations(tagger, {"chat": CHAT}, tags)
        assert tag_conversations(tagger, {"chat": CHAT}, tags) == TaggingReport(tagged=0, failures=())
        tag_conversations(tagger, {"chat": CHAT}, again)
        assert len(server.chat_requests) == 3
        grown = [*CHAT, Turn(3, 2, "Ines", "And my twins walk!", DAY)]
        assert tag_conversations(tagger, {"chat": grown}, tags).tagged == 1
        assert len(server.chat_requests) == 4
    assert again.conversations == {"chat": READ}
    assert tags.conversations == {"chat": READ | {"D3:2": ("family", "relatives")}}


@pytest.mark.parametrize("window", [512, 1_024, 300])
def test_a_session_of_which_the_server_read_a_part_stays_untagged(window: int) -> None:
    tags = Tags("test")
    long = [Turn(1, number, "Bo", f"We took tandem {number} along the canal of Ghent.", DAY) for number in range(1, 60)]
    cut = Shaped(text=chat_fields(tags="1: hobby"), usage={"prompt_tokens": window, "completion_tokens": 9})
    with OpenAIServer(lambda *_: cut) as server:
        report = tag_conversations(tagger_of(server), {"chat": long}, tags)
    assert tags.conversations.get("chat", {}) == {}
    assert f"the server read {window:,} tokens of a prompt of about" in report.failures[0]


@pytest.mark.parametrize(
    ("fault", "why"), [(server_error(), "server had an error"), (off_format(), "no line of the form 'number: words'")]
)
def test_a_session_that_fails_is_told_and_tagged_by_the_next_pass(fault: Any, why: str) -> None:
    tags, failed = Tags("test"), list[int]()
    with OpenAIServer(write_tags, faults=[fault]) as server:
        tagger = tagger_of(server, cache=False)
        report = tag_conversations(
            tagger, {"chat": CHAT}, tags, num_threads=1, on_session=failed.append, is_systemic=is_systemic
        )
        assert len(server.chat_requests) == 3, "a failed session is one call too"
        assert report.tagged == 2
        assert len(report.failures) == 1
        assert report.failures[0].startswith("chat D1: ")
        assert why in report.failures[0]
        assert "\n" not in report.failures[0]
        assert failed[-1] == 1
        assert tags.conversations["chat"].keys() == {"D2:1", "D2:2", "D3:1"}
        assert tag_conversations(tagger, {"chat": CHAT}, tags) == TaggingReport(tagged=1, failures=())
        assert len(server.chat_requests) == 4
    assert tags.conversations == {"chat": READ}


def test_a_failure_that_would_repeat_itself_stops_the_pass_and_keeps_what_is_tagged() -> None:
    tags, saved = Tags("test"), list[int]()

    def save(num_failed: int) -> None:
        saved.append(len(tags.conversations["chat"]))

    with (
        OpenAIServer(write_tags, faults=[None, unauthorized()]) as server,
        pytest.raises(TaggingStoppedError, match=r"1 of 3 sessions failed; the last one: chat D2: .*API key"),
    ):
        tag_conversations(
            tagger_of(server), {"chat": CHAT}, tags, num_threads=1, on_session=save, is_systemic=is_systemic
        )
    assert saved[0] == 2, "after each session there is something to save"
    assert tags.conversations["chat"].items() >= {"D1:1": (), "D1:2": ("hobby", "sport")}.items()


def test_an_lm_that_never_follows_the_format_is_not_paid_for_every_session() -> None:
    turns = [Turn(session, 1, "Ines", "I fly kites.", DAY) for session in range(1, 41)]
    with (
        OpenAIServer(lambda messages, body: "What a lovely chat!") as server,
        pytest.raises(TaggingStoppedError, match="9 of 40 sessions failed"),
    ):
        tag_conversations(tagger_of(server, cache=False), {"chat": turns}, Tags(), num_threads=1)
    assert 9 <= len(server.chat_requests) < 40


@pytest.mark.parametrize("answer", ["1: kite\n2: wind", "1: kite\n2: wind\n\n[[ ## completed ## ]]"])
def test_an_answer_without_its_marker_is_read_and_not_asked_for_twice(answer: str) -> None:
    tags = Tags()
    with OpenAIServer(lambda messages, body: answer) as server:
        tag_conversations(tagger_of(server), {"chat": CHAT[:2]}, tags)
        assert len(server.chat_requests) == 1
    assert tags.conversations == {"chat": {"D1:1": ("kite",), "D1:2": ("wind",)}}


def test_a_very_long_session_takes_several_calls_and_a_silent_one_none() -> None:
    long = [Turn(1, number, "Ines", "We rode the tandem.", DAY) for number in range(2 * MAX_TURNS_PER_CALL + 1)]
    silent = [Turn(2, 1, "Bo", " ", DAY), Turn(2, 2, "Bo", "", DAY)]
    tags = Tags()
    with OpenAIServer(write_tags) as server:
        tagger = tagger_of(server)
        assert tagging_cost(tagger, {"chat": [*long, *silent]}, tags)["lm_calls"] == 3
        assert tag_conversations(tagger, {"chat": [*long, *silent]}, tags) == TaggingReport(tagged=2, failures=())
        assert len(server.chat_requests) == 3
    assert tags.conversations["chat"] == {
        **{turn.id: ("hobby", "sport") for turn in long},
        **{turn.id: () for turn in silent},
    }


def test_the_cost_told_beforehand_is_what_is_sent() -> None:
    tags = Tags()
    with OpenAIServer(write_tags) as server:
        tagger = tagger_of(server)
        told = tagging_cost(tagger, {"chat": CHAT}, tags)
        assert server.chat_requests == []
        tag_conversations(tagger, {"chat": CHAT}, tags)
    sent = [message["content"] for request in server.chat_requests for message in request.body["messages"]]
    assert told == {"lm_calls": 3, "prompt_tokens": sum(map(count_tokens, sent))}
    assert tagging_cost(tagger, {"chat": CHAT}, tags) == {"lm_calls": 0, "prompt_tokens": 0}


def test_the_lm_of_the_callers_context_is_asked_in_every_thread() -> None:
    tags = Tags()
    with OpenAIServer(write_tags) as server:
        lm = tagger_of(server).tag_session.lm
        with dspy.context(lm=lm):
            tag_conversations(SessionTagger(), {"chat": CHAT}, tags, num_threads=3)
    assert tags.conversations == {"chat": READ}


def test_ctrl_c_starts_no_further_session() -> None:
    def interrupt(num_failed: int) -> None:
        raise KeyboardInterrupt

    turns = [Turn(session, 1, "Ines", "I fly kites.", DAY) for session in range(1, 41)]
    tags = Tags()
    with OpenAIServer(write_tags) as server, pytest.raises(KeyboardInterrupt):
        tag_conversations(tagger_of(server, cache=False), {"chat": turns}, tags, num_threads=1, on_session=interrupt)
    assert len(server.chat_requests) < 40
    assert len(tags.conversations["chat"]) == 1


def test_an_optimizer_finds_one_predictor_and_may_copy_the_tagger() -> None:
    tagger: Any = SessionTagger()
    make_copy: Callable[[], Any] = tagger.deepcopy
    assert [name for name, _ in make_copy().named_predictors()] == ["tag_session"]
