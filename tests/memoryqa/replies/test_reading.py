from __future__ import annotations

import pytest
from cpu_time import assert_linear

from memoryqa.replies.reading import Reply, json_object, without_thoughts


@pytest.mark.parametrize(
    "text",
    [
        "<think>It may be Rome.</think>Paris",
        "<thinking>Rome?\n</thinking>\n\nParis",
        "It may be Rome.\n</think>\nParis",  # the chat template opened it
        "<think>one</think><think>two <think>nested</think></think> Paris",
        "[THINK]Rome[/THINK]Paris",
        "◁think▷Rome◁/think▷Paris",
        "<|channel|>analysis<|message|>Rome<|end|><|start|>assistant<|channel|>final<|message|>Paris<|return|>",
        "<seed:think>Rome</seed:think>Paris",
        "<reasoning effort='low'>Rome</reasoning>\nParis",
        "<|thinking|>Rome?<|/thinking|>Paris",
        "&lt;think&gt;Rome?&lt;/think&gt;Paris",
        "<unused94>thought\nRome?<unused95>Paris",
        "<|channel>thought\nRome?<channel|>Paris",
        "<antThinking>Rome?</antThinking>Paris",
        "<thought_process>Rome?</thought_process>\nParis",
        "<|begin_of_thought|>Rome?<|end_of_thought|><|begin_of_solution|>Paris<|end_of_solution|>",
        "<|START_THINKING|>Rome?<|END_THINKING|><|START_RESPONSE|>Paris<|END_RESPONSE|>",
        "analysisIt may be Rome.assistantfinalParis",  # channels of a server that leaves the special tokens out
        "```thinking\nRome?\n```\nParis",
        "Paris",
        "Paris\n<think>and now I was cut",
    ],
)
def test_only_what_is_meant_for_the_reader_is_left(text: str) -> None:
    assert without_thoughts(text) == "Paris"


@pytest.mark.parametrize("text", ["<think>still thinking", "<think></think>", " \n<thought>hm"])
def test_of_thoughts_alone_nothing_is_left(text: str) -> None:
    assert without_thoughts(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "She wrote <b>yes</b>.",
        "the tag <think> opens a thought",
        "I think so",
        "a < b > c",
        "```\ncode\n```\nend",
        "analysis of May",
    ],
)
def test_what_only_looks_like_a_thought_stays(text: str) -> None:
    assert without_thoughts(text) == text


@pytest.mark.parametrize(
    ("reply", "is_cut"),
    [
        (Reply("x", "length"), True),
        (Reply("x", "max_tokens"), True),
        (Reply("x", "MAX_TOKENS"), True),
        (Reply("x", "stop", completion_tokens=50, max_tokens=50), False),
        (Reply("x", None, completion_tokens=50, max_tokens=50), True),
        (Reply("x", None, completion_tokens=49, max_tokens=50), False),
        (Reply("x"), False),
    ],
)
def test_a_reply_is_cut_where_its_server_says_so_or_counts_so(reply: Reply, is_cut: bool) -> None:
    assert reply.is_cut is is_cut


@pytest.mark.parametrize(
    ("read", "sent", "is_cut"),
    [
        (4096, 4422, True),
        (4095, 4422, True),
        (2048, 4422, True),
        (6144, 7000, True),
        (900, 4422, True),
        (4200, 4422, False),  # another tokenizer
        (4096, 4096, False),
        (4500, 4422, False),
        (None, 4422, False),
        (200, 500, False),  # too short to tell
    ],
)
def test_a_prompt_that_was_cut_is_known_by_the_servers_count(read: int | None, sent: int, is_cut: bool) -> None:
    assert Reply("x", prompt_tokens=read, counted_tokens=sent).is_prompt_cut is is_cut


def test_an_object_is_read_in_a_fence_too_and_nothing_else_is_one() -> None:
    assert json_object('```json\n{"a": null}\n```') == {"a": None}
    assert json_object('{"a": 1} and more') is None
    assert json_object("[1]") is None


@pytest.mark.parametrize(
    "text",
    [
        "<scratch_pad>Rome?</scratch_pad>Porto",
        "<inner_monologue>Rome?</inner_monologue>\nPorto",
        "<reflect>Rome?</reflect>Porto",
        "<CoT>Rome?</CoT>Porto",
        '<details type="reasoning" done="true">\n<summary>Thought for 2 s</summary>Rome?\n</details>\nPorto',
        "<think>Rome?</think>\n<answer>Porto</answer>",
        "<answer>\nPorto\n</answer>",
        "<final_answer>Porto</final_answer>",
    ],
)
def test_marks_around_thoughts_and_answers_are_taken_off(text: str) -> None:
    assert without_thoughts(text) == "Porto"


@pytest.mark.parametrize(
    "text", ["She wrote <answer>Porto</answer> on the form", "<answer>a</answer> or <answer>b</answer>", "<b>Porto</b>"]
)
def test_marks_inside_a_text_stay(text: str) -> None:
    assert without_thoughts(text) == text


@pytest.mark.parametrize("repeated", ["<think>", "</think>", "<think></think>", "<|/thinking|> ", "analysis"])
def test_a_mark_that_a_model_repeats_to_the_end_is_read_in_linear_time(repeated: str) -> None:
    assert_linear(lambda count: without_thoughts(repeated * count), 1_000)


def test_nested_marks_without_an_end_are_read_in_linear_time() -> None:
    assert_linear(lambda count: without_thoughts("<think>" * count + "</think>" * count), 1_000)
