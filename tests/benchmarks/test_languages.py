"""benchmarks.languages: recall and dates in each language, on the conversations of data/languages/."""

from __future__ import annotations

import json

import pytest

from benchmarks.languages import DATA, available, main, questions_in, read, second_questions
from benchmarks.temporal.sentences import read_sentences
from memoryqa.language.locales.files import CODES


def test_every_language_has_a_conversation_questions_and_sentences_alike() -> None:
    assert available()[0] == "en"
    assert set(available()) == set(CODES)
    english = read("en")
    for code in available():
        dataset = read(code)
        assert [len(dataset.conversations[0].turns), len(dataset.questions)] == [120, 40], code
        assert [one.evidence for one in dataset.questions] == [one.evidence for one in english.questions], code
        sentences = read_sentences(DATA / "dates" / f"{code}.jsonl")
        assert [one.part for one in sentences] == ["tune", "hold"] * 30, code


def test_a_language_is_found_beside_its_peer(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("bm25s")
    assert main(["--language", "de", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    german, dates = printed["languages"]["de"], printed["dates"]["de"]["hold"]["ours"]
    assert german["ours"]["300"] > 0.9 > german["bm25s"]["300"]
    assert dates["precision"] >= 0.9
    assert dates["coverage"] >= 0.8
    assert dates["past_for_future"] == 0


def test_the_table_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("bm25s")
    assert main(["--language", "en"]) == 0
    assert "dates of the held half" in capsys.readouterr().out


def test_the_second_set_is_asked_of_the_same_conversation(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("bm25s")
    assert main(["--language", "tr", "--second", "--json"]) == 0
    turkish = json.loads(capsys.readouterr().out)["languages"]["tr"]
    assert turkish["questions"] == 20
    assert turkish["ours"]["fair 300"] >= 0.9 > turkish["bm25s"]["fair 300"]


def test_a_language_without_a_second_set_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--language", "ar", "--second"]) == 2
    assert "tr" in capsys.readouterr().err


@pytest.fixture
def questions_asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that an embedder is asked, which is loaded for any name and knows cars."""

    class Cars:
        name = "cars"

        def __init__(self) -> None:
            self.asked: list[str] = []

        def __call__(self, texts: list[str]) -> list[list[float]]:
            return [[1.0, float("Auto" in text or "car" in text.split())] for text in texts]

        def queries(self, texts: list[str]) -> list[list[float]]:
            self.asked += texts
            return self(texts)

    embedder = Cars()
    monkeypatch.setattr("memoryqa.search.embedders.load_embedder", lambda name: embedder)
    return embedder.asked


def test_a_question_of_another_language_is_asked_of_the_speakers_at_hand() -> None:
    english, german = read("en"), read("de")
    asked = questions_in(german, "en")
    assert [one.evidence for one in asked] == [one.evidence for one in german.questions]
    assert english.questions[0].text == "When did Hannah start at the pharmacy?"
    assert asked[0].text == "When did Johanna start at the pharmacy?"
    assert questions_in(german, "de") == list(german.questions)
    assert second_questions(german, "en")[0].text == "Whose van can Lukas borrow?"


def test_an_embedder_takes_part_and_reads_the_questions_that_are_asked(
    questions_asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("bm25s")
    assert main(["--language", "de", "--ask", "en", "--dense", "MODEL", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["asked_in"], printed["dense"]) == ("en", "MODEL")
    assert "When did I start at the pharmacy?" in questions_asked
    assert not any("Johanna" in text or "Hannah" in text for text in questions_asked)
    assert main(["--language", "de", "--ask", "en", "--json"]) == 0
    words = json.loads(capsys.readouterr().out)["languages"]["de"]["ours"]
    assert words != printed["languages"]["de"]["ours"]


def test_vectors_are_kept_of_an_embedder_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--language", "de", "--vector-cache", "vectors.sqlite"])
    assert "name that too" in capsys.readouterr().err
