from __future__ import annotations

import dspy
import pytest
from dspy.utils.exceptions import AdapterParseError
from openai_server import OpenAIServer, Shaped, chat_fields, json_fields

from memoryqa.lms.endpoint import EndpointLM
from memoryqa.replies.adapter import ReplyAdapter, ReplyJSONAdapter, reading, reading_replies


class Answer(dspy.Signature):
    question: str = dspy.InputField()
    answer: str = dspy.OutputField()
    ids: list[str] = dspy.OutputField()


def lm_at(server: OpenAIServer) -> EndpointLM:
    return EndpointLM("hosted_vllm/m", api_base=server.api_base, cache=False, timeout=5)


@pytest.mark.parametrize("adapter", [None, dspy.ChatAdapter(), dspy.JSONAdapter()])
def test_a_draft_among_the_thoughts_is_not_the_answer(adapter: dspy.Adapter | None) -> None:
    write = json_fields if isinstance(adapter, dspy.JSONAdapter) else chat_fields
    text = f"<think>\n{write(answer='Rome', ids=[])}\n</think>\n{write(answer='Paris', ids=[])}"
    with OpenAIServer(lambda *_: text) as server:
        plain = dspy.LM("hosted_vllm/m", api_base=server.api_base)
        with dspy.context(lm=plain, adapter=adapter), reading_replies():
            assert dspy.Predict(Answer)(question="Where?").answer == "Paris"


@pytest.mark.parametrize(
    "reply",
    ['{"answer": null, "ids": null}', '```json\n{"answer": null, "ids": [null]}\n```', '{"answer": null, "ids": []}'],
)
def test_null_is_nothing_and_not_a_word(reply: str) -> None:
    found = ReplyJSONAdapter().parse(Answer, reply)
    assert found == {"answer": "", "ids": []}


def test_the_prompts_are_dspys() -> None:
    for ours, theirs in ((ReplyAdapter(), dspy.ChatAdapter()), (ReplyJSONAdapter(), dspy.JSONAdapter())):
        assert ours.format(Answer, [], {"question": "Where?"}) == theirs.format(Answer, [], {"question": "Where?"})
        assert type(reading(theirs)) is type(ours)
    other = dspy.XMLAdapter()
    assert reading(other) is other


def test_a_cut_reply_is_not_paid_for_twice() -> None:
    cut = Shaped(text="[[ ## answer ## ]]\nPar", finish_reason="length")
    with OpenAIServer(lambda *_: cut) as server, dspy.context(lm=lm_at(server), adapter=ReplyAdapter()):
        with pytest.raises(AdapterParseError, match="the reply was cut"):
            dspy.Predict(Answer)(question="Where?")
        assert len(server.chat_requests) == 1
