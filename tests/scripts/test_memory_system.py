from __future__ import annotations

import asyncio
import copy
import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import AdapterParseError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_reader import ScriptedReader

from memory_system import (
    NO_INFORMATION,
    PROGRAMS,
    FullContext,
    Memories,
    MemoryQA,
    ProgramFileError,
    SimplePredict,
    config_path,
    load_program,
    load_program_settings,
    prompt_digests,
    save_program,
)
from memoryqa.config import MemoryConfig, ProgramConfig, RankingConfig
from memoryqa.errors import UsageError
from memoryqa.memory import AdaptiveMemory
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn

TOPICS = ("kite", "violin", "canoe", "beehive", "lantern", "tortoise", "scarf", "compass")
QUESTION = "What did Ana buy at the harbour?"


def chat(sessions: int = 8, turns: int = 12) -> AdaptiveMemory:
    """Session n is about the n-th topic; each of its lines says so in other words."""
    memory = AdaptiveMemory()
    for session in range(1, sessions + 1):
        topic = TOPICS[(session - 1) % len(TOPICS)]
        for number in range(1, turns + 1):
            speaker = ("Ana", "Bo")[number % 2]
            text = f"On day {session * 100 + number} I carried the {topic} number {number} across bridge {session}."
            memory.add(Turn(session, number, speaker, text, datetime(2023, session, 3)))
    return memory


def memories_of(memory: AdaptiveMemory) -> Memories:
    memories = Memories()
    memories["chat"] = memory
    return memories


def ask(program: dspy.Module, reader: ScriptedReader, question: str = QUESTION) -> dspy.Prediction:
    with dspy.context(lm=reader.lm()):
        return program(conversation_id="chat", question=question)


def shown_ids(evidence: str) -> list[str]:
    """The turn ids of rendered evidence, in its order."""
    ids, session = [], ""
    for line in evidence.splitlines():
        if header := re.fullmatch(r"\[D(\d+), .*\]", line):
            session = header[1]
        else:
            ids.append(f"D{session}:{line.split(' ')[0]}")
    return ids


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_all_programs_ask_for_the_answer_with_one_signature() -> None:
    memories = memories_of(chat())
    answering = [program(memories).answer_question for program in PROGRAMS.values()]
    assert len(answering) == 3
    assert all(predictor.signature.equals(answering[0].signature) for predictor in answering)


def test_all_programs_send_the_same_prompt_but_for_the_evidence() -> None:
    prompts = set()
    for program in PROGRAMS.values():
        reader = ScriptedReader()
        ask(program(memories_of(chat()), ProgramConfig(context_tokens=300)), reader)
        (answering,) = reader.at("answer")
        prompts.add(answering.sent.replace(answering.inputs["evidence"], "EVIDENCE"))
    assert len(prompts) == 1


def test_the_evidence_fits_the_context_and_is_counted_as_sent() -> None:
    for program in (SimplePredict, MemoryQA):
        for context_tokens in (40, 333, 4000):
            reader = ScriptedReader(sufficient=False, follow_ups=["the violin", "the canoe"])
            config = ProgramConfig(context_tokens=context_tokens, max_hops=3)
            prediction = ask(program(memories_of(chat()), config), reader)
            evidence = [asked.inputs["evidence"] for asked in reader.asked if "evidence" in asked.inputs]
            assert evidence
            assert all(count_tokens(text) <= context_tokens for text in evidence)
            assert count_tokens(evidence[-1]) <= prediction.context_tokens <= context_tokens


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    context_tokens=st.integers(1, 900),
    max_hops=st.integers(1, 4),
    queries=st.lists(st.text(max_size=30), max_size=4),
    follow_ups=st.lists(st.text(max_size=30), max_size=3),
)
def test_no_context_is_exceeded_whatever_is_searched_for(
    context_tokens: int, max_hops: int, queries: list[str], follow_ups: list[str]
) -> None:
    reader = ScriptedReader(queries=queries, sufficient=False, follow_ups=follow_ups)
    config = ProgramConfig(context_tokens=context_tokens, max_hops=max_hops)
    prediction = ask(MemoryQA(memories_of(chat(3, 4)), config), reader)
    evidence = [asked.inputs["evidence"] for asked in reader.asked if "evidence" in asked.inputs]
    assert all(count_tokens(text) <= context_tokens for text in evidence)
    assert len(set(prediction.retrieved_ids)) == len(prediction.retrieved_ids)
    assert prediction.hops <= max_hops


def test_simple_reads_the_most_recent_lines_and_full_context_all_of_them() -> None:
    memory = chat(3, 4)
    simple, full = ScriptedReader(), ScriptedReader()
    ask(SimplePredict(memories_of(memory), ProgramConfig(context_tokens=80)), simple)
    prediction = ask(FullContext(memories_of(memory), ProgramConfig(context_tokens=80)), full)
    everything = [f"D{session}:{number}" for session in (1, 2, 3) for number in (1, 2, 3, 4)]
    recent = shown_ids(simple.asked[0].inputs["evidence"])
    assert 0 < len(recent) < 12
    assert recent == everything[-len(recent) :]
    assert shown_ids(full.asked[0].inputs["evidence"]) == everything
    assert set(prediction.retrieved_ids) == set(everything)


# -- hops --------------------------------------------------------------------------------------------------------------


def test_an_lms_queries_are_fused_with_the_question() -> None:
    config = ProgramConfig(context_tokens=150, max_hops=1)
    # All lines of a session match alike: a query that weighs more would put all of its session's before the question's.
    memory = chat().with_ranking(RankingConfig(query_weight=1.0))
    found = {}
    for queries in ((), ("we opened the beehive",), ("we opened the beehive", "playing violin")):
        reader = ScriptedReader(queries=queries)
        question = "Which tortoise was there?"
        prediction = ask(MemoryQA(memories_of(memory), config), reader, question)
        assert prediction.queries == list(queries)
        found[queries] = {turn_id.partition(":")[0] for turn_id in prediction.retrieved_ids}
    question_only, one, two = found.values()
    assert {"D6"} <= question_only  # the tortoise's session; the beehive's is D4, the violin's D2
    assert not {"D4", "D2"} & question_only
    assert {"D6", "D4"} <= one
    assert "D2" not in one
    assert {"D6", "D4", "D2"} <= two


def test_hops_stop_when_the_evidence_is_sufficient() -> None:
    reader = ScriptedReader(sufficient=True, follow_ups=["the violin"])
    prediction = ask(MemoryQA(memories_of(chat()), ProgramConfig(max_hops=4)), reader)
    assert reader.steps == ["queries", "assess", "answer"]
    assert prediction.hops == 1
    assert prediction.queries == ["I bought a kite"]


def test_hops_stop_when_nothing_more_is_asked_for() -> None:
    reader = ScriptedReader(sufficient=False, follow_ups=["", "  "])
    prediction = ask(MemoryQA(memories_of(chat()), ProgramConfig(max_hops=4)), reader)
    assert reader.steps == ["queries", "assess", "answer"]
    assert prediction.hops == 1


@pytest.mark.parametrize(("max_hops", "assessments"), [(1, 0), (2, 1), (3, 2)])
def test_hops_end_at_the_maximum(max_hops: int, assessments: int) -> None:
    reader = ScriptedReader(sufficient=False, follow_ups=["the violin"])
    prediction = ask(MemoryQA(memories_of(chat()), ProgramConfig(max_hops=max_hops)), reader)
    assert reader.steps == ["queries", *["assess"] * assessments, "answer"]
    assert prediction.hops == max_hops


def test_follow_ups_add_evidence_and_push_nothing_out() -> None:
    reader = ScriptedReader(queries=["the kite"], sufficient=False, follow_ups=["the beehive", "the beehive"])
    config = ProgramConfig(context_tokens=400, max_hops=3)
    prediction = ask(MemoryQA(memories_of(chat()), config), reader, "What about the kite?")
    shown = [set(shown_ids(asked.inputs["evidence"])) for asked in reader.asked if "evidence" in asked.inputs]
    assert len(shown) == 3
    assert shown[0] < shown[1] <= shown[2]
    assert not any(turn_id.startswith("D4:") for turn_id in shown[0])
    assert any(turn_id.startswith("D4:") for turn_id in shown[1])
    assert prediction.queries == ["the kite", "the beehive", "the beehive"]
    assert len(prediction.retrieved_ids) == len(set(prediction.retrieved_ids)) == len(shown[2])


def test_evidence_is_in_time_order_without_repeats() -> None:
    reader = ScriptedReader(queries=["canoe", "kite", "scarf"], sufficient=False, follow_ups=["kite", "lantern"])
    ask(MemoryQA(memories_of(chat()), ProgramConfig(context_tokens=600)), reader)
    for asked in reader.asked:
        ids = shown_ids(asked.inputs.get("evidence", ""))
        assert ids == sorted(set(ids), key=lambda turn_id: tuple(map(int, turn_id[1:].split(":"))))
    assert reader.at("answer")[0].inputs["evidence"].count("[D") >= 3


def test_repeated_and_blank_queries_are_dropped() -> None:
    reader = ScriptedReader(queries=[" kite ", "kite", "", "scarf"])
    assert ask(MemoryQA(memories_of(chat())), reader).queries == ["kite", "scarf"]


def test_a_share_of_the_context_is_left_for_each_further_hop() -> None:
    program = MemoryQA(memories_of(chat()), ProgramConfig(context_tokens=4000, max_hops=3))
    assert [program.hop_budget(hop) for hop in (1, 2, 3)] == [2000, 3000, 4000]
    assert MemoryQA(memories_of(chat()), ProgramConfig(max_hops=1)).hop_budget(1) == ProgramConfig().context_tokens


# -- what comes back ---------------------------------------------------------------------------------------------------


def test_only_lines_that_were_shown_count_as_cited() -> None:
    memory = chat()
    config = ProgramConfig(context_tokens=200)
    shown = ask(MemoryQA(memories_of(memory), config), ScriptedReader(), "the canoe").retrieved_ids
    hidden = next(turn.id for turn in memory.rank("the canoe") if turn.id not in shown)
    cited = [shown[1], hidden, "D99:1", shown[0][1:], "nonsense", shown[1]]
    prediction = ask(MemoryQA(memories_of(memory), config), ScriptedReader(evidence_ids=cited), "the canoe")
    assert prediction.evidence_ids == [shown[1], shown[0]]


@pytest.mark.parametrize("answer", ["", "   "])
def test_a_blank_answer_is_no_information(answer: str) -> None:
    prediction = ask(SimplePredict(memories_of(chat())), ScriptedReader(answer=answer))
    assert prediction.answer == NO_INFORMATION


def test_a_prediction_tells_what_the_memory_holds() -> None:
    memory = chat()
    prediction = ask(MemoryQA(memories_of(memory)), ScriptedReader())
    assert prediction.memory_tokens == memory.tokens > 0
    assert ask(SimplePredict(memories_of(memory)), ScriptedReader()).memory_tokens is None


def filler_only() -> AdaptiveMemory:
    memory = AdaptiveMemory()
    memory.add(Turn(1, 1, "Ana", "Thank you!", datetime(2023, 1, 3)))
    return memory


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_empty_memory_knows_nothing_and_costs_nothing(name: str) -> None:
    reader = ScriptedReader()
    program = PROGRAMS[name](memories_of(AdaptiveMemory()))
    prediction = ask(program, reader)
    assert prediction.answer == NO_INFORMATION == "No information available"
    assert prediction.evidence_ids == prediction.retrieved_ids == prediction.queries == []
    assert prediction.hops == prediction.context_tokens == 0
    assert reader.asked == []
    assert program.prompts("chat", QUESTION) == []


def test_a_memory_of_greetings_only_costs_nothing() -> None:
    reader = ScriptedReader()
    assert ask(MemoryQA(memories_of(filler_only())), reader).answer == NO_INFORMATION
    assert reader.asked == []


def test_an_unknown_conversation_is_named_beside_the_known_ones() -> None:
    for program in PROGRAMS.values():
        with pytest.raises(KeyError, match=r"no memory of conversation 'chatt'; there are: chat"):
            program(memories_of(chat(1, 1)))(conversation_id="chatt", question=QUESTION)


# -- one memory, and awaited -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROGRAMS)
def test_one_memory_needs_no_conversation_id(name: str) -> None:
    alone, among = ScriptedReader(), ScriptedReader()
    with dspy.context(lm=alone.lm()):
        prediction = PROGRAMS[name](chat(1, 4))(question=QUESTION)
    assert prediction.toDict() == ask(PROGRAMS[name]({"chat": chat(1, 4)}), among).toDict()
    assert alone.asked == among.asked != []


def test_the_memorys_config_in_the_place_of_the_programs_is_refused() -> None:
    with pytest.raises(TypeError, match="config must be a ProgramConfig"):
        MemoryQA(chat(1, 1), MemoryConfig())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"question": 3}, "question must be text, got int 3"),
        ({"question": None}, "question must be text, got None"),
        ({"question": QUESTION, "asked": "soon"}, "asked 'soon' is not ISO 8601"),
    ],
)
def test_a_wrong_argument_is_named_before_an_lm_is_asked(name: str, wrong: dict[str, Any], told: str) -> None:
    reader = ScriptedReader()
    with dspy.context(lm=reader.lm()):
        for call in (
            PROGRAMS[name](chat(1, 1)),
            lambda **given: asyncio.run(PROGRAMS[name](chat(1, 1)).acall(**given)),
        ):
            with pytest.raises((TypeError, UsageError), match=told):
                call(**wrong)
    assert reader.asked == []


@pytest.mark.parametrize("memories", [{}, {"a": chat(1, 1), "b": chat(1, 1)}])
def test_without_a_conversation_id_several_memories_are_refused(memories: dict[str, AdaptiveMemory]) -> None:
    with pytest.raises(UsageError, match=rf"conversation_id is missing: there are {len(memories)} memories"):
        MemoryQA(memories)(question=QUESTION)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("off_format", [[], ["queries"], ["assess"]])
def test_awaited_it_asks_and_answers_the_same(name: str, off_format: list[Any]) -> None:
    def reader() -> ScriptedReader:
        return ScriptedReader(sufficient=False, follow_ups=["violin"], off_format=off_format)

    async def awaited(program: dspy.Module, lm: dspy.LM) -> dspy.Prediction:
        with dspy.context(lm=lm):
            return await program.acall(conversation_id="chat", question=QUESTION)

    one, other = reader(), reader()
    prediction = asyncio.run(awaited(PROGRAMS[name](memories_of(chat())), other.lm()))
    assert prediction.toDict() == ask(PROGRAMS[name](memories_of(chat())), one).toDict()
    assert one.asked == other.asked != []


def test_awaited_an_unreadable_answer_is_an_error_too() -> None:
    async def awaited() -> dspy.Prediction:
        with dspy.context(lm=ScriptedReader(off_format=["answer"]).lm()):
            return await MemoryQA(chat()).acall(question=QUESTION)

    with pytest.raises(AdapterParseError):
        asyncio.run(awaited())


# -- off-format answers ------------------------------------------------------------------------------------------------


def test_unreadable_queries_are_a_problem_and_the_question_alone_is_searched() -> None:
    reader = ScriptedReader(off_format=["queries"])
    prediction = ask(MemoryQA(memories_of(chat())), reader)
    assert prediction.answer == "a kite"
    assert prediction.queries == []
    assert prediction.problems == ["the queries could not be read; searched with the question alone"]


def test_an_unreadable_assessment_is_a_problem_and_ends_the_hops() -> None:
    reader = ScriptedReader(off_format=["assess"], sufficient=False, follow_ups=["violin"])
    prediction = ask(MemoryQA(memories_of(chat()), ProgramConfig(max_hops=3)), reader)
    assert prediction.answer == "a kite"
    assert prediction.hops == 1
    assert prediction.problems == ["the assessment of the evidence could not be read; taken as sufficient"]


def test_a_clean_question_has_no_problems() -> None:
    reader = ScriptedReader(sufficient=False, follow_ups=["violin"])
    assert ask(MemoryQA(memories_of(chat())), reader).problems == []


def test_an_unreadable_answer_is_an_error_and_no_guess() -> None:
    for program in PROGRAMS.values():
        with pytest.raises(AdapterParseError):
            ask(program(memories_of(chat())), ScriptedReader(off_format=["answer"]))


# -- estimates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_expected_prompts_are_those_that_are_sent(name: str) -> None:
    reader = ScriptedReader(queries=[], sufficient=False, follow_ups=["bridge"])
    program = PROGRAMS[name](memories_of(chat()), ProgramConfig(context_tokens=500, max_hops=3))
    ask(program, reader)
    expected = program.prompts("chat", QUESTION)
    assert len(expected) == len(reader.asked)
    sent = [count_tokens(asked.sent) for asked in reader.asked]
    assert [count_tokens(prompt) for prompt in expected] == pytest.approx(sent, rel=0.05)
    if name != "memory":
        assert expected == [asked.sent for asked in reader.asked]


# -- copies ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda program: program.deepcopy(), MemoryQA.reset_copy])
def test_copies_share_the_memories_and_nothing_else(copied_by: Any) -> None:
    program = MemoryQA(memories_of(chat(1, 1)))
    copied = copied_by(program)
    assert copied.memories is program.memories
    assert copied.config == program.config
    for (name, predictor), (other_name, other) in zip(
        program.named_predictors(), copied.named_predictors(), strict=True
    ):
        assert name == other_name
        assert other is not predictor
    copied.answer_question.demos = [dspy.Example(question="q", evidence="e", answer="a", evidence_ids="")]
    copied.answer_question.signature = copied.answer_question.signature.with_instructions("Be brief.")
    assert program.answer_question.demos == []
    assert program.answer_question.signature.instructions != "Be brief."


def test_memories_behave_as_a_mapping() -> None:
    memories = memories_of(chat(1, 1))
    assert (list(memories), len(memories), "chat" in memories, "other" in memories) == (["chat"], 1, True, False)
    del memories["chat"]
    with pytest.raises(KeyError, match="there are: none"):
        memories["chat"]


# -- saving ------------------------------------------------------------------------------------------------------------


def optimised(config: ProgramConfig | None = None) -> MemoryQA:
    program = MemoryQA(memories_of(chat(1, 2)), config or ProgramConfig(context_tokens=777, max_hops=3))
    signature = program.write_queries.signature
    program.write_queries.signature = signature.with_instructions("Write like a pirate.")
    program.answer_question.demos = [
        dspy.Example(question="Who?", evidence="[D1, 1 May 2023]\n1 Al: hi", answer="Al", evidence_ids="D1:1")
    ]
    return program


def test_a_saved_program_comes_back_with_prompts_and_config(tmp_path: Path) -> None:
    program, path = optimised(), tmp_path / "made" / "best.json"
    save_program(program, path)
    assert sorted(file.name for file in path.parent.iterdir()) == ["best.config.json", "best.json"]
    memories = memories_of(chat(1, 2))
    loaded = load_program(path, memories)
    assert loaded.memories is memories
    assert loaded.config == program.config == load_program_settings(path).program
    assert loaded.write_queries.signature.instructions == "Write like a pirate."
    asked = [ScriptedReader(), ScriptedReader()]
    for one, reader in zip((program, loaded), asked, strict=True):
        ask(one, reader)
    assert [prompt.sent for prompt in asked[0].asked] == [prompt.sent for prompt in asked[1].asked]


def test_an_lm_saved_with_a_program_is_not_used(tmp_path: Path) -> None:
    program = optimised()
    program.set_lm(dspy.LM("openai/some-model", api_key="not-a-key"))
    save_program(program, tmp_path / "p.json")
    assert json.loads((tmp_path / "p.json").read_text())["answer_question"]["lm"] is not None
    loaded = load_program(tmp_path / "p.json", Memories())
    assert [predictor.lm for predictor in loaded.predictors()] == [None] * 3


def test_the_sidecar_stands_beside_the_program() -> None:
    assert config_path(Path("runs/a/best.json")) == Path("runs/a/best.config.json")


def saved(folder: Path) -> Path:
    path = folder / "p.json"
    save_program(optimised(), path)
    return path


def edit(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("missing", ["p.json", "p.config.json"])
def test_half_a_saved_program_is_an_error_that_says_so(tmp_path: Path, missing: str) -> None:
    path = saved(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(ProgramFileError, match=rf"{re.escape(missing)}: no such file; .*x\.config\.json beside it"):
        load_program(path, Memories())


@pytest.mark.parametrize("broken", ["p.json", "p.config.json"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [("{", "cannot be read as JSON"), ("", "cannot be read as JSON"), ("[1]", "holds no JSON object"), ("{}", "not a")],
)
def test_a_file_that_is_no_program_is_an_error(tmp_path: Path, broken: str, content: str, problem: str) -> None:
    path = saved(tmp_path)
    (tmp_path / broken).write_text(content)
    with pytest.raises(ProgramFileError, match=rf"{re.escape(broken)}: .*{problem}") as caught:
        load_program(path, Memories())
    assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_a_program_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").mkdir()
    with pytest.raises(ProgramFileError, match=r"x\.json"):
        load_program(tmp_path / "x.json", Memories())


CHANGES: dict[str, Any] = {
    "a field of another version": lambda it: it["answer_question"]["signature"]["fields"].pop(),
    "a field by another name": lambda it: it["answer_question"]["signature"]["fields"][0].update(prefix="Query:"),
    "a predictor that is gone": lambda it: it.pop("assess_evidence"),
    "a predictor that is no object": lambda it: it.update(assess_evidence=["?"]),
    "fields that are no objects": lambda it: it["write_queries"]["signature"].update(fields=["Question:"]),
    "no demos of an object kind": lambda it: it["write_queries"].update(signature=None),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_prompts_for_other_fields_are_refused(tmp_path: Path, change: Any) -> None:
    path = saved(tmp_path)
    edit(path, change)
    with pytest.raises(ProgramFileError, match=r"p\.json: not a program of this version \(.+\); optimise again") as it:
        load_program(path, Memories())
    assert "\n" not in str(it.value)


CONFIG_CHANGES: dict[str, Any] = {
    "another program": lambda it: it.update(program="SimplePredict"),
    "an unknown setting": lambda it: it["config"].update(colour="red"),
    "a value out of range": lambda it: it["config"].update(max_hops=0),
    "a value of another type": lambda it: it["config"].update(max_hops="two"),
    "no settings": lambda it: it.update(config=None),
}


@pytest.mark.parametrize("change", CONFIG_CHANGES.values(), ids=CONFIG_CHANGES)
def test_a_config_that_does_not_fit_is_refused(tmp_path: Path, change: Any) -> None:
    path = saved(tmp_path)
    edit(config_path(path), change)
    with pytest.raises(ProgramFileError, match=r"p\.config\.json: not a config of this version .*save the program"):
        load_program_settings(path)


def test_every_size_must_be_at_least_one() -> None:
    for config, name in (
        (MemoryConfig(), "memory_tokens"),
        (ProgramConfig(), "context_tokens"),
        (ProgramConfig(), "max_hops"),
    ):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            replace(config, **{name: 0})


def test_prompt_digests_follow_instructions_and_demos_and_nothing_else() -> None:
    program = MemoryQA(memories_of(chat(1, 1)))
    before = prompt_digests(program)
    assert before == prompt_digests(MemoryQA(memories_of(chat(2, 2)), ProgramConfig(max_hops=1)))
    signature = program.write_queries.signature
    program.write_queries.signature = signature.with_instructions("Write like a pirate.")
    after = prompt_digests(program)
    assert {name for name in before if before[name] != after[name]} == {"write_queries"}
