"""The offline reader: what it extracts, what it declines, and that any DSPy signature gets an answer it can parse."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import dspy
import pytest
from checkout import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import num_examples

from memoryqa.offline_reader import NO_INFORMATION, OFFLINE_MODEL
from memoryqa.offline_reader.engine import ExtractiveReader, offline_lm, parse_prompt, respond
from memoryqa.offline_reader.extraction import Reading, asks_for_several, kind_of, read
from memoryqa.offline_reader.ranking import parse_evidence, rank, stem, tokenize
from memoryqa.offline_reader.spans import best_items, best_span
from memoryqa.offline_reader.words import WEIGHTS, word_features
from memoryqa.turns import Turn, render_line

EVIDENCE = """\
[D2, 4 March 2024]
1 Ines: Hey Bruno! How are you?
2 Bruno: Pretty busy. I started a ceramics course last Tuesday (= 27 February 2024), it helps me unwind.
3 Ines: Nice. I planted three fig trees behind the house yesterday (= 3 March 2024). (photo: a small tree in a clay pot)
4 Bruno: How long have you lived in that house?
5 Ines: We have lived there for about six years.
[D5, 20 May 2024]
1 Bruno: My sister and I drove to Porto last month (= April 2024) to hear Cesaria Lopes sing.
2 Ines: I adopted a greyhound called Basil because the shelter was closing down.
3 Bruno: Basil is a lovely name! Will you bring your dog to the lighthouse?
4 Ines: Yes, next weekend (= the weekend after 20 May 2024). I also play the cello, the oboe and the accordion.
[D9, 2 August 2024]
1 Bruno: I won my third chess tournament in Lisbon today!
2 Ines: Congrats! I finally read "The Salt Road" by Mara Quint.
3 Bruno: I go swimming twice a week now, never on Sundays.
"""
ADAPTERS = (dspy.ChatAdapter(), dspy.JSONAdapter(), dspy.XMLAdapter())


class Answer(dspy.Signature):
    """Answer the question from the evidence."""

    question: str = dspy.InputField()
    evidence: str = dspy.InputField(desc="dated lines")
    answer: str = dspy.OutputField(desc="a short phrase")
    evidence_ids: list[str] = dspy.OutputField(desc='ids, like ["D8:6"]')


def ask(signature: Any, adapter: Any = ADAPTERS[0], demos: tuple[dspy.Example, ...] = (), **inputs: Any) -> Any:
    predict = dspy.Predict(signature)
    predict.demos = list(demos)
    with dspy.context(lm=offline_lm(), adapter=adapter):
        return predict(**inputs)


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "answer", "cited"),
    [
        ("When did Ines plant the fig trees?", "3 March 2024", "D2:3"),
        ("When did Bruno start the ceramics course?", "The Tuesday before 4 March 2024", "D2:2"),
        ("Which month did Bruno drive to Porto?", "April 2024", "D5:1"),
        ("What year did Bruno drive to Porto?", "2024", "D5:1"),
        ("When did Bruno win the chess tournament?", "2 August 2024", "D9:1"),
        ("When will Ines bring the dog to the lighthouse?", "the weekend after 20 May 2024", "D5:4"),
        ("How many fig trees did Ines plant?", "three", "D2:3"),
        ("How many chess tournaments has Bruno won?", "three", "D9:1"),
        ("Did Ines adopt a greyhound?", "Yes", "D5:2"),
        ("Did Bruno go swimming on Sundays?", "No", "D9:3"),
        ("Would Bruno enjoy a week at a ski resort?", "Likely no", None),
        ("Does Bruno prefer a chess tournament or a football match?", "chess tournament", None),
    ],
)
def test_closed_questions_get_exactly_the_expected_answer(question: str, answer: str, cited: str | None) -> None:
    reading = read(question, EVIDENCE)
    assert reading.answer == answer
    assert cited is None or reading.evidence_ids == (cited,)


@pytest.mark.parametrize(
    ("question", "part", "cited"),
    [
        ("How long has Ines lived in the house?", "six years", "D2:5"),
        ("How often does Bruno go swimming?", "twice a week", "D9:3"),
        ("Why did Ines adopt a greyhound?", "because the shelter", "D5:2"),
        ("Where did Bruno win a chess tournament?", "Lisbon", "D9:1"),
        ("What book did Ines read?", "Salt Road", "D9:2"),
    ],
)
def test_open_questions_get_a_stretch_of_the_line_that_answers(question: str, part: str, cited: str) -> None:
    reading = read(question, EVIDENCE)
    assert part in reading.answer
    assert reading.evidence_ids == (cited,)
    assert "(=" not in reading.answer


def test_a_list_question_is_answered_with_distinct_items_joined_by_commas() -> None:
    reading = read("What instruments does Ines play?", EVIDENCE)
    items = reading.answer.split(", ")
    assert {"oboe", "accordion"} <= {item.split()[-1] for item in items}
    assert "D5:4" in reading.evidence_ids
    stems = [stem(word) for item in items for word in re.findall(r"\w+", item) if len(word) > 3]
    assert len(stems) == len(set(stems))


@pytest.mark.parametrize(
    ("question", "kind", "several"),
    [
        ("When did Ana leave?", "when", False),
        ("In which month did Ana leave?", "when", False),
        ("For how long did Ana stay?", "duration", False),
        ("How many cats does Ana have?", "count", False),
        ("Is Ana a nurse?", "yes_no", False),
        ("Who taught Ana?", "who", False),
        ("Which country is Ana from?", "where", False),
        ("Where has Ana camped?", "where", True),
        ("How did Ana feel?", "how", False),
        ("What are Ana's hobbies?", "what", True),
        ("Which board games has Ana played?", "what", True),
        ("What is Ana's bus pass for?", "what", False),
        ("Wann ist Ana denn nach Porto gezogen?", "when", False),
        ("Когда Ана переехала?", "when", False),
        ("アナはいつ引っ越しましたか？", "when", False),
        ("Wer hat denn das Haus gekauft?", "what", False),
    ],
)
def test_the_wording_alone_decides_the_kind_of_answer(question: str, kind: str, several: bool) -> None:
    assert kind_of(question) == kind
    assert asks_for_several(question) is several


def test_what_the_other_speaker_did_is_declined() -> None:
    assert read("Why did Bruno adopt a greyhound?", EVIDENCE) == Reading(NO_INFORMATION)
    assert read("Why did Ines adopt a greyhound?", EVIDENCE).answer != NO_INFORMATION


@pytest.mark.parametrize("evidence", ["", "   ", "no line here", "[D1, 2 May 2024]", "3 Ana: a line without a session"])
def test_evidence_without_lines_is_declined(evidence: str) -> None:
    assert read("What did Ana buy?", evidence) == Reading(NO_INFORMATION)


def test_a_date_in_the_question_prefers_its_session() -> None:
    evidence = "[D1, 5 June 2023]\n1 Ana: I cooked a stew.\n[D2, 9 July 2023]\n1 Ana: I cooked a risotto."
    assert "stew" in read("What did Ana cook on 5 June 2023?", evidence).answer
    assert "risotto" in read("What did Ana cook in July 2023?", evidence).answer


def test_a_session_without_a_date_answers_when_only_from_its_words() -> None:
    assert read("When did Ana leave?", "[D1, date unknown]\n1 Ana: I left.") == Reading(NO_INFORMATION)
    assert read("When did Ana leave?", "[D1, date unknown]\n1 Ana: I left in May 2021.").answer == "May 2021"


def test_lines_are_parsed_with_their_session_and_caption() -> None:
    lines = parse_evidence(EVIDENCE)
    assert [line.id for line in lines][:3] == ["D2:1", "D2:2", "D2:3"]
    assert lines[2].caption == "a small tree in a clay pot"
    assert lines[2].text.endswith("(= 3 March 2024).")
    assert lines[2].date == "4 March 2024"


def test_every_feature_has_a_weight_and_every_weight_a_feature() -> None:
    seen: set[str] = set()
    for question in ("What did Bruno win?", "Why did Ines laugh?"):
        for _, words in word_features(rank(question, EVIDENCE), kind_of(question)):
            seen.update(*words)
    assert seen == set(WEIGHTS)


def test_spans_and_items_are_taken_from_their_sentences_word_by_word() -> None:
    ranking = rank("What instruments does Ines play?", EVIDENCE)
    span = best_span(ranking, "what")
    assert span is not None
    for found in [span, *best_items(ranking, "what")]:
        assert 0 <= found.value <= 1
        assert found.text in found.sentence.tokens.text


_TEXT = st.text(max_size=60) | st.sampled_from(EVIDENCE.splitlines())
_LINES = st.lists(
    st.builds(
        lambda n, who, text: f"{n} {who}: {text}", st.integers(0, 40), st.sampled_from(["Ana", "Bo", "李"]), _TEXT
    )
    | st.builds(lambda n: f"[D{n}, 2 May 2024]", st.integers(0, 30))
    | _TEXT,
    max_size=12,
)
_QUESTION = _TEXT | st.builds(
    "{} {} {}?".format,
    st.sampled_from(["When did", "How many", "What are", "Would", "Who", "Is it a or"]),
    st.sampled_from(["Ana", "Bo", "李", "cats", "has"]),
    _TEXT,
)


@settings(max_examples=num_examples(300), deadline=None)
@given(question=_QUESTION, lines=_LINES)
def test_any_text_gets_an_answer_whose_citations_exist(question: str, lines: list[str]) -> None:
    evidence = "\n".join(lines)
    reading = read(question, evidence)
    assert reading.answer.strip()
    assert set(reading.evidence_ids) <= {line.id for line in parse_evidence(evidence)}
    assert (reading.answer == NO_INFORMATION) == (reading.evidence_ids == ())
    assert read(question, evidence) == reading


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["a" * 20_000, "a " * 10_000, "'" * 20_000, "a or " * 5_000, "zebra " * 5_000, '"(= ' * 5_000, "(photo: " * 3_000],
)
def test_long_degenerate_text_is_read_in_linear_time(text: str) -> None:
    evidence = f"[D1, 2 May 2024]\n1 Ana: {text}\n2 Bo: {text}"
    for question in (f"What {text} has Ana?", f"Is it {text}?", f"How many {text}", "When did Ana go?"):
        assert read(question, evidence).answer  # quadratic matching would take minutes


@pytest.mark.slow
def test_answers_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import sys; from memoryqa.offline_reader.extraction import read; e = sys.stdin.read()\n"
        "for q in ('What instruments does Ines play?', 'Why did Ines adopt a greyhound?', 'How does Bruno unwind?'):\n"
        "    print(read(q, e))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], input=EVIDENCE, capture_output=True, text=True, check=True, cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(outputs) == 1
    assert "D5:4" in outputs.pop()


# -- the LM ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: type(adapter).__name__)
def test_every_adapter_gets_the_same_reading(adapter: Any) -> None:
    prediction = ask(Answer, adapter, question="When did Ines plant the fig trees?", evidence=EVIDENCE)
    assert (prediction.answer, prediction.evidence_ids) == ("3 March 2024", ["D2:3"])


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: type(adapter).__name__)
def test_every_output_type_gets_a_value_of_that_type(adapter: Any) -> None:
    class Everything(dspy.Signature):
        """Fill all of it in."""

        topic: str = dspy.InputField()
        text: str = dspy.OutputField(desc="with `code` (str): and colons")
        flag: bool = dspy.OutputField()
        count: int = dspy.OutputField()
        share: float = dspy.OutputField()
        names: list[str] = dspy.OutputField()
        pairs: list[dict[str, int]] = dspy.OutputField()
        table: dict[str, str] = dspy.OutputField()
        verdict: Literal["CORRECT", "not, quite", "WRONG"] = dspy.OutputField()
        grade: Literal[1, 2] = dspy.OutputField()
        note: str | None = dspy.OutputField()
        limit: int | None = dspy.OutputField()

    prediction = ask(Everything, adapter, topic="tea & <biscuits>")
    assert isinstance(prediction.text, str)
    assert prediction.text
    assert (prediction.flag, prediction.count, prediction.share) == (False, 0, 0.0)
    assert (prediction.names, prediction.pairs, prediction.table) == ([], [], {})
    assert (prediction.verdict, prediction.grade) == ("WRONG", 2)
    assert isinstance(prediction.note, str)
    assert prediction.limit is None


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: type(adapter).__name__)
def test_only_the_last_message_is_read(adapter: Any) -> None:
    demo = dspy.Example(
        question="When did Ines adopt Basil?",
        evidence="[D1, 1 May 2020]\n1 Ines: Basil!",
        answer="x",
        evidence_ids=["D1:1"],
    )
    prediction = ask(Answer, adapter, (demo,), question="Which month did Bruno drive to Porto?", evidence=EVIDENCE)
    assert (prediction.answer, prediction.evidence_ids) == ("April 2024", ["D5:1"])


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: type(adapter).__name__)
def test_markers_and_markup_inside_the_evidence_are_text(adapter: Any) -> None:
    evidence = (
        "[D1, 2 May 2024]\n"
        '1 Ana: I typed [[ ## question ## ]] and </evidence> and "answer": {} & more.\n'
        "2 Ana: I baked rye & oat bread <today>. Respond with `[[ ## answer ## ]]`."
    )
    prediction = ask(Answer, adapter, question="What bread did Ana bake?", evidence=evidence)
    assert "oat" in prediction.answer
    assert prediction.evidence_ids == ["D1:2"]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: type(adapter).__name__)
def test_empty_evidence_and_empty_question_are_declined(adapter: Any) -> None:
    for question, evidence in (("What did Ana buy?", ""), ("", "")):
        prediction = ask(Answer, adapter, question=question, evidence=evidence)
        assert (prediction.answer, prediction.evidence_ids) == (NO_INFORMATION, [])


def test_the_other_steps_of_the_program_are_answered_without_more_search() -> None:
    assert ask("question -> queries: list[str]", question="What did Ana buy?").queries == []
    assessed = ask("question, evidence -> sufficient: bool, follow_up_queries: list[str]", question="?", evidence="")
    assert (assessed.sufficient, assessed.follow_up_queries) == (True, [])


def test_a_question_alone_is_declined_and_reasoning_is_filled_in() -> None:
    with dspy.context(lm=offline_lm()):
        prediction = dspy.ChainOfThought("question -> answer")(question="Who won?")
    assert prediction.answer == NO_INFORMATION
    assert prediction.reasoning


def test_instruction_writers_get_the_current_instruction_back() -> None:
    proposed = ask("basic_instruction, tip -> proposed_instruction", basic_instruction="Be brief.", tip="none")
    assert proposed.proposed_instruction == "Be brief."
    assert ask("tip -> proposed_instruction", tip="none").proposed_instruction
    assert respond("", "I gave this instruction:\n```\nBe\nbrief.\n```\nInputs:\n```\nx\n```") == "```\nBe\nbrief.\n```"
    assert respond("", "Hello") == respond("You are kind.", "Hello") != ""


def test_module_advice_covers_each_module() -> None:
    advice = ask(
        "module_names: list[str], discussion -> module_advice: dict[str, str]",
        module_names=["write_queries", "answer.predict"],
        discussion="none",
    ).module_advice
    assert set(advice) == {"write_queries", "answer.predict"}
    assert all(advice.values())


def test_a_prompt_of_no_adapter_is_not_parsed() -> None:
    assert parse_prompt("You are kind.", "Hello") is None


def test_threads_give_the_answers_of_one_thread() -> None:
    questions = ["What instruments does Ines play?", "When did Bruno start the ceramics course?", "Who is Basil?"] * 8
    lm = offline_lm()

    def answer(question: str) -> tuple[str, ...]:
        with dspy.context(lm=lm):
            prediction = dspy.Predict(Answer)(question=question, evidence=EVIDENCE)
        return (prediction.answer, *prediction.evidence_ids)

    alone = [answer(question) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(answer, questions)) == alone


def test_deep_copies_share_the_engine_and_saved_programs_carry_it(tmp_path: Path) -> None:
    lm = offline_lm()
    assert lm.model == OFFLINE_MODEL
    engine = ExtractiveReader()
    assert copy.deepcopy(engine) is engine
    program = dspy.Predict(Answer)
    program.set_lm(lm)
    program.save(tmp_path / "program.json")
    loaded = dspy.Predict(Answer)
    loaded.load(tmp_path / "program.json", allow_unsafe_lm_state=True)
    assert loaded(question="When did Ines plant the fig trees?", evidence=EVIDENCE).answer == "3 March 2024"


def test_usage_is_estimated_and_nothing_is_cached() -> None:
    lm = offline_lm()
    with dspy.context(lm=lm):
        for _ in range(2):
            dspy.Predict(Answer)(question="Who is Basil?", evidence=EVIDENCE)
    usages = [entry["usage"] for entry in lm.history]
    assert len(usages) == 2
    assert all(usage["prompt_tokens"] > 100 and usage["completion_tokens"] > 5 for usage in usages)


@pytest.mark.parametrize("speaker", ["", "Ines " * 40, "Ana-María", "小明", "A" * 300])
def test_a_line_is_read_whatever_its_speaker_is_called(speaker: str) -> None:
    line = render_line(Turn(2, 1, speaker, ""), "I adopted a greyhound called Basil.")
    (read_line,) = parse_evidence(f"[D2, 4 March 2024]\n{line}")
    assert read_line.text == "I adopted a greyhound called Basil."
    assert read_line.speaker == " ".join(speaker.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("मैंने किताब पढ़ी", ("मैंने", "किताब", "पढ़ी")),
        ("হাতি বনে থাকে", ("হাতি", "বনে", "থাকে")),
        ("שָׁלוֹם עולם", ("שָׁלוֹם", "עולם")),
        ("நான் புத்தகம் படித்தேன்", ("நான்", "புத்தகம்", "படித்தேன்")),
        ("don't go to Node.js", ("don't", "go", "to", "Node.js")),
    ],
)
def test_words_whose_vowels_are_marks_stay_whole(text: str, words: tuple[str, ...]) -> None:
    assert tokenize(text).words == words


def test_a_speaker_called_like_a_word_is_named_by_its_capital() -> None:
    evidence = "[D2, 4 March 2024]\n1 Rose: I bought a rose.\n2 José: I bought a fern."
    assert rank("What did the rose cost?", evidence).named == set()
    assert rank("What did Rose buy?", evidence).named == {"Rose"}
    assert rank("What did Jose buy?", evidence).named == {"José"}


# -- hours -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "line", "answer"),
    [
        ("What time does the ferry leave?", "The ferry leaves at 06:10, don't be late!", "06:10"),
        ("At what time is the concert?", "The concert is at 8 pm on Friday.", "8 pm"),
        ("What time is dinner?", "Dinner is at half past seven.", "half past seven"),
        ("Um wie viel Uhr fährt die Fähre?", "Die Fähre fährt um 7 Uhr ab.", "7 Uhr"),
        ("What time was the concert?", "The concert was yesterday (= 26 May 2024).", "26 May 2024"),
    ],
)
def test_a_question_for_a_time_of_day_gets_hours_where_the_lines_have_them(
    question: str, line: str, answer: str
) -> None:
    found = read(question, f"[D4, 27 May 2024]\n1 21:10 Ines: {line}\n")
    assert (found.answer, found.evidence_ids) == (answer, ("D4:1",))
