"""A name is a name by capital, position and the conversation's own speakers, never by lower case alone."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import texts

from memoryqa.language.folding import normalise
from memoryqa.language.names import (
    find_mentions,
    in_first_person,
    speaker_key,
    without_mentions,
    without_names,
)
from memoryqa.language.question import read_query

WORD_NAMES = "Hunter Bill Rose Will Mark May April June Grace Hope Joy Dawn Summer Drew Chase Art Rich Sky".split()


def named(question: str, *speakers: str) -> set[str]:
    return set(read_query(question, speakers, (2023,)).named)


@pytest.mark.parametrize(
    ("question", "speaker"),
    [
        ("what did the hunter see in the woods", "Hunter"),
        ("which hunter won the prize", "Hunter"),
        ("How much was the phone bill?", "Bill"),
        ("Who paid the bill in the end?", "Bill"),
        ("Where does the rose grow?", "Rose"),
        ("When did prices rose so much?", "Rose"),
        ("What will the cat do?", "Will"),
        ("where will we meet", "Will"),
        ("Did the teacher mark the exam?", "Mark"),
        ("what may happen next", "May"),
        ("What happened in april?", "April"),
        ("who drew the picture", "Drew"),
        ("did they hope for rain", "Hope"),
        ("what colour was the sky", "Sky"),
        ("how long is the river", "River"),
        ("what art did she buy", "Art"),
        ("why are rich people sad", "Rich"),
        ("was it a long chase", "Chase"),
        ("who said grace at dinner", "Grace"),
        ("what happened at dawn", "Dawn"),
        ("where did they spend the summer", "Summer"),
        ("what gave her joy", "Joy"),
    ],
)
def test_a_word_in_lower_case_is_the_word_whatever_the_speakers_are_called(question: str, speaker: str) -> None:
    assert named(question, speaker, "Melanie") == set()
    assert read_query(question, (speaker, "Melanie"), ()).terms == read_query(question, ("Melanie",), ()).terms


@pytest.mark.parametrize(
    ("question", "speaker"),
    [
        ("What did Hunter eat?", "Hunter"),
        ("Hunter's dog, what breed is it?", "Hunter"),
        ("Where does Bill live?", "Bill"),
        ("Which flowers did Rose plant?", "Rose"),
        ("Rose said what?", "Rose"),
        ("What will Will eat?", "Will"),
        ("Will's car, which colour?", "Will"),
        ("Will and Melanie went where?", "Will"),
        ("What did Mark buy?", "Mark"),
        ("When does May arrive?", "May"),
        ("What did April say in April?", "April"),
        ("Where is June from?", "June"),
        ("Did Hope call?", "Hope"),
        ("Who is Sky's sister?", "Sky"),
        ("Rose", "Rose"),
        ("Bill, what did he buy?", "Bill"),
        ("what did melanie paint", "Melanie"),
        ("WHAT DID MELANIE PAINT", "Melanie"),
        ("where does caroline work", "Caroline"),
        ("did john call", "John"),
        ("what does maria play", "Maria"),
        ("what did ruby cook", "Ruby"),
    ],
)
def test_a_name_names_its_speaker(question: str, speaker: str) -> None:
    assert named(question, speaker, "Ines") == {speaker}


@pytest.mark.parametrize(
    ("question", "speaker"),
    [
        ("Will you come on Sunday?", "Will"),
        ("Will the parcel arrive?", "Will"),
        ("May I ask what she bought?", "May"),
        ("Mark the date: when is it?", "Mark"),
        ("Bill me for what?", "Bill"),
        ("Where is the Hunter now?", "Hunter"),
        ("What happened in May?", "May"),
        ("Who came on 3 June?", "June"),
        ("Which trip was in April 2023?", "April"),
        ("What did they do last Summer?", "Summer"),
        ("HOW MUCH WAS THE BILL", "Bill"),
    ],
)
def test_a_capital_that_the_place_explains_names_nobody(question: str, speaker: str) -> None:
    assert named(question, speaker, "Ines") == set()


def test_each_occurrence_decides_for_itself() -> None:
    assert read_query("Which rose did Rose buy?", ("Rose", "Bo"), ()).terms == ("rose", "buy")
    assert read_query("Rose bushes need what?", ("Rose", "Bo"), ()).terms[0] == "rose", "it may be either: it stays"
    assert [w.first.month for w in read_query("What did April do in April?", ("April", "Bo"), (2023,)).windows] == [4]
    assert read_query("What did April do?", ("April", "Bo"), (2023,)).windows == ()


@pytest.mark.parametrize(
    ("question", "speaker"),
    [
        ("What did Jose cook?", "José"),
        ("What did José cook?", "Jose"),
        ("what did jose\u0301 cook", "José"),
        ("What did Zoe see?", "Zoë"),
        ("What did Muller buy?", "Müller"),
        ("what does łukasz play", "Lukasz"),
        ("What did İpek say?", "Ipek"),
        ("What did Ａｎａ say?", "Ana"),
        ("What did A\u200bna say?", "Ana"),
        ("What did So\u00adfia say?", "Sofia"),
        ("Что сказала Алёна?", "Алена"),
        ("Τι είπε η Ελενη;", "Ελένη"),
        ("小明昨天做了什么？", "小明"),
        ("昨日、田中は何を食べた？", "田中"),
        ("민수가 뭐라고 했어?", "민수"),
        ("ماذا قال أحمد؟", "احمد"),
    ],
)
def test_a_speaker_is_named_in_any_spelling(question: str, speaker: str) -> None:
    assert named(question, speaker, "Bo") == {speaker}


def test_words_side_by_side_name_the_speaker_who_has_both() -> None:
    people = ("Anna Lee", "Anna Smith", "Speaker A", "Speaker B")
    assert named("Where does Anna Lee work?", *people) == {"Anna Lee"}
    assert named("Where does Anna work?", *people) == {"Anna Lee", "Anna Smith"}
    assert named("What did Speaker B say?", *people) == {"Speaker B"}
    assert named("What did Anna Lee and Anna Smith say?", *people) == {"Anna Lee", "Anna Smith"}


@pytest.mark.parametrize(
    "spellings",
    [
        ("José", "Jose\u0301", "Jose", "JOSE", " José "),
        ("Ana", "Ａｎａ", "A\u200bna", "ana", "\ufeffAna"),
        ("Mary Ann", "Mary  Ann", "mary\u00a0ann"),
        ("Straßer", "Strasser"),
        ("Алёна", "Алена"),
    ],
)
def test_spellings_of_a_name_are_one_speaker(spellings: tuple[str, ...]) -> None:
    assert len({speaker_key(one) for one in spellings}) == 1


@pytest.mark.parametrize(("one", "other"), [("Ana", "Anna"), ("Jon", "John"), ("李雷", "李梅"), ("User", "Assistant")])
def test_other_names_are_other_speakers(one: str, other: str) -> None:
    assert speaker_key(one) != speaker_key(other)


@pytest.mark.parametrize(
    ("question", "as_said"),
    [
        ("What did Melanie paint?", "What did I paint?"),
        ("Where is Melanie's cat, Mel?", "Where is my cat, I?"),
        ("Is it Inès' boat?", "Is it my boat?"),
        ("What do Melanie and Inès both like?", "What do we both like?"),
        ("Who painted it?", "Who painted it?"),
        ("", ""),
    ],
)
def test_a_question_is_put_as_the_speaker_named_would_put_it(question: str, as_said: str) -> None:
    assert in_first_person(question, ("Melanie", "Inès")) == as_said


def test_names_are_taken_out_with_what_is_attached_to_them() -> None:
    assert without_names("What is Melanie's cat called, Mel?", ("Melanie",)) == "What is cat called,"
    assert without_names("Melanie", ("Melanie",)) == ""
    assert without_names("the rose that Rose has", ("Rose", "Bo")) == "the rose that has"


@given(texts, st.lists(st.one_of(texts, st.sampled_from(WORD_NAMES)), max_size=3))
def test_mentions_are_words_in_order_and_apart(text: str, speakers: list[str]) -> None:
    normal = normalise(text)
    mentions = find_mentions(normal, speakers)
    assert all(one.end <= other.start for one, other in pairwise(mentions))
    assert all(mention.speakers and mention.speakers <= set(speakers) for mention in mentions)
    assert len(without_mentions(normal, mentions)) == len(normal)
