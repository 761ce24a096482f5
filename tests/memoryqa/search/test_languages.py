"""A memory finds what was said in other languages than English, and in several at once."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from reference_ranking import index_of

from memoryqa import AdaptiveMemory
from memoryqa.language.locales.asking import asks_time, is_form_of, read_locale_windows
from memoryqa.language.locales.detection import by_use, note_language
from memoryqa.language.question import read_query
from memoryqa.turns import Turn

GERMAN = (
    ("Ute", "Gestern haben wir im Garten zwei junge Igel gefunden."),
    ("Piet", "Und was habt ihr mit ihnen gemacht?"),
    ("Ute", "Wir haben sie gefüttert und in die Wildtierstation gebracht."),
    ("Piet", "Bei uns wird gerade das Badezimmer neu gefliest."),
    ("Ute", "Oh, wer macht das denn bei euch?"),
    ("Piet", "Ein Handwerker aus dem Nachbardorf, der sehr ordentlich arbeitet."),
)
SPANISH = (
    ("Ute", "Para la boda de mi prima necesito un vestido nuevo y unos zapatos."),
    ("Piet", "Mi hermana tiene una tienda de vestidos en el centro."),
)


def remember(*messages: tuple[str, str]) -> AdaptiveMemory:
    memory = AdaptiveMemory()
    for speaker, text in messages:
        memory.add(text, speaker=speaker, time=datetime(2024, 5, 15, 12))
    return memory


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Welche Tiere fand Ute im Garten?", "D1:1"),
        ("Was wurde mit den Igeln gemacht?", "D1:1"),
        ("Wer arbeitet ordentlich?", "D1:6"),
        ("Was lässt Piet neu fliesen?", "D1:4"),
        ("Was sucht Ute für die Hochzeit: Kleid oder vestidos?", "D1:8"),
        ("¿Qué vestido necesita Ute para la boda de sus primas?", "D1:7"),
        ("Which vestidos are sold in the centro?", "D1:8"),
    ],
)
def test_each_message_and_the_question_have_a_language_of_their_own(question: str, found: str) -> None:
    memory = remember(*GERMAN, *SPANISH)
    assert found in memory.search(question, 60).ids


def test_messages_take_the_language_of_their_chat_and_an_english_chat_stays_english() -> None:
    messages: dict[str, int] = {}
    assert [note_language(text, messages) for _, text in GERMAN] == ["de"] * len(GERMAN)
    assert note_language("Super!", messages) == "de"
    assert note_language("That is what they told us about the house", messages) == "en"
    assert by_use(messages) == ("de", "en")
    english: dict[str, int] = {}
    for text in (
        "Ciao!",
        "C'est la vie, as they say",
        "We saw the musée d'Orsay and el Prado",
        "Привет",
        "Adiós amigo",
    ):
        assert note_language(text, english) == "en"
    assert by_use(english) == by_use({}) == ("en",)


def test_the_languages_of_a_chat_are_kept_in_its_file(tmp_path: Path) -> None:
    memory = remember(*GERMAN, *SPANISH)
    memory.save(tmp_path / "chat.db")
    question = "¿Qué vestido necesita Ute para la boda de sus primas?"
    with AdaptiveMemory.load(tmp_path / "chat.db") as loaded:
        assert loaded.search(question, 200).ids == memory.search(question, 200).ids


def test_a_question_without_other_languages_has_no_other_terms() -> None:
    query = read_query("Where did Mia buy the houses?", ["Mia"], [2024])
    assert (query.language, query.others, query.terms) == ("en", (), ("buy", "hous"))


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("Seit wann wohnt sie dort?", "de"),
        ("¿Cuándo fue?", "es"),
        ("Quand est-ce arrivé ?", "fr"),
        ("Quanto tempo durou?", "pt"),
        ("Da quando suona?", "it"),
        ("Hoe lang duurde het?", "nl"),
        ("Kiedy to było?", "pl"),
        ("Ne zaman taşındı?", "tr"),
        ("Когда это было?", "ru"),
        ("متى سافر؟", "ar"),
        ("वह कब आया?", "hi"),
        ("是什么时候?", "zh"),
        ("いつでしたか", "ja"),
        ("언제였어?", "ko"),
    ],
)
def test_a_question_asks_for_a_time(question: str, code: str) -> None:
    assert asks_time(question, code)


@pytest.mark.parametrize(
    ("question", "code", "first", "last"),
    [
        ("Was geschah am 3. Mai 2023?", "de", date(2023, 5, 3), date(2023, 5, 3)),
        ("¿Qué pasó el 3 de mayo?", "es", date(2024, 5, 3), date(2024, 5, 3)),
        ("Où étaient-ils en août ?", "fr", date(2024, 8, 1), date(2024, 8, 31)),
        ("Что было в марте 2023?", "ru", date(2023, 3, 1), date(2023, 3, 31)),
        ("2023年10月3日做了什么?", "zh", date(2023, 10, 3), date(2023, 10, 3)),
        ("十一月に何をした?", "ja", date(2024, 11, 1), date(2024, 11, 30)),
        ("3월 5일에 뭐 했어?", "ko", date(2024, 3, 5), date(2024, 3, 5)),
    ],
)
def test_a_question_names_days_in_its_language(question: str, code: str, first: date, last: date) -> None:
    assert list(read_locale_windows(question, code, [2024])) == [(first, last)]


@pytest.mark.parametrize(
    ("word", "name", "code", "is_form"),
    [
        ("кати", "катя", "ru", True),
        ("игорем", "игорь", "ru", True),
        ("bartka", "bartek", "pl", True),
        ("utes", "ute", "de", True),
        ("لسامي", "سامي", "ar", True),
        ("катер", "катя", "ru", False),
        ("marta", "maria", "pl", False),
        ("annas", "anna", "en", False),
    ],
)
def test_names_are_inflected(word: str, name: str, code: str, is_form: bool) -> None:
    assert is_form_of(word, name, code) is is_form


def test_outside_english_the_speaker_asked_about_counts_for_more() -> None:
    """No table says that carrots are vegetables, and "ich" is not looked for: who said it is what is left."""

    def lead(lines: tuple[str, str], question: str) -> float:
        day = datetime(2024, 5, 15)
        turns = [
            Turn(1, number, name, text, day)
            for number, (name, text) in enumerate(zip(("Ute", "Jan"), lines, strict=True), 1)
        ]
        of_ute, of_jan = index_of(turns).score([question]).tolist()
        return of_ute - of_jan

    german = lead(("Gekochte Möhren sind nichts.", "Gekochter Lauch ist nichts."), "Welches Gemüse mag Ute nicht?")
    english = lead(("Boiled carrots are awful stuff.", "Boiled leeks are awful stuff."), "Which dish does Ute avoid?")
    assert german > english > 0
