"""A clause with a verb of its own looks by that, whatever another clause of its sentence says, in other languages."""

from __future__ import annotations

from datetime import datetime

import pytest

from memoryqa.language.dating.dates import resolve

WEDNESDAY = datetime(2024, 5, 15, 10, 30)

AHEAD = (
    "Ich habe den Zahnarzt angerufen, der Termin ist am Samstag.",
    "Wir haben telefoniert, er kommt am Samstag.",
    "Wir haben telefoniert, am Samstag treffen wir uns.",
    "Hab die Karten gekauft, das Konzert ist am Samstag!",
    "Ich habe Karten gekauft und das Konzert ist am Samstag.",
    "Wir waren beim Makler und am Samstag ziehen wir um.",
    "J'ai appelé le dentiste, le rendez-vous est samedi.",
    "On s'est parlé, il vient samedi.",
    "On a acheté les billets et le concert est samedi.",
    "Ho chiamato il dentista, l'appuntamento è sabato.",
    "Ci siamo sentiti, viene sabato.",
    "Ho comprato i biglietti e il concerto è sabato.",
    "Ik heb de tandarts gebeld, de afspraak is zaterdag.",
    "Hij belde, hij komt zaterdag.",
    "We hebben kaartjes gekocht en het concert is zaterdag.",
    "He llamado al dentista, la cita es el sábado.",
    "Mi madre llamó y viene el sábado.",
    "Compré las entradas y el concierto es el sábado.",
    "A minha mãe ligou e vem no sábado.",
    "Kupiliśmy bilety, koncert jest w sobotę.",
    "Mama dzwoniła i koncert jest w sobotę.",
)
PAST = (
    "Der Termin war am Samstag.",
    "Am Samstag ist bei uns der Strom ausgefallen, wir saßen im Dunkeln.",
    "Wir haben gewonnen, das Spiel am Samstag ist echt super gelaufen.",
    "Am Samstag, nach der Arbeit, waren wir essen.",
    "Ich habe Lena gesehen, am Samstag auf dem Markt.",
    "Wir haben gegessen und am Samstag getanzt.",
    "Wir sind am Samstag hingefahren und es ist schön dort.",
    "Il a plu, samedi on est restés à la maison.",
    "C'était génial, on est rentrés samedi.",
    "Eravamo stanchi, sabato siamo tornati tardi.",
    "Ho visto Lena, sabato al mercato.",
    "Vi a Lena, el sábado en el mercado.",
    "El sábado fuimos al cine y cenamos fuera.",
    "No sábado fomos ao cinema e jantámos fora.",
    "Schade, dass du am Samstag nicht kommen konntest.",
    "Het was leuk, zaterdag zijn we teruggekomen.",
    "Ik heb Lena gezien, zaterdag op de markt.",
    "Мы устали, в субботу вернулись поздно.",
    "Yorgunduk, cumartesi geç döndük.",
)
OPEN = (  # without a verb that tells, or one that is not known
    "Ya hablé con ella, nos vemos el sábado.",
    "Hablé con Ana y quedamos el sábado.",
    "Me olvidé las llaves, las recojo el sábado.",
    "Acabei o relatório, entrego no sábado.",
    "Ho finito la relazione, la consegno sabato.",
    "Ho parlato con Ana e ci vediamo sabato.",
    "J'ai fini le rapport, je le rends samedi.",
    "妈妈打电话了，星期六来。",
    "Я позвонил врачу, приём в субботу.",
    "Biletleri aldık, konser cumartesi.",
    "اتصلت بالطبيب، الموعد يوم السبت.",
    "मैंने फोन किया, अपॉइंटमेंट शनिवार को है।",
)

BARE = {  # a German weekday without "am", as people type
    "18 May 2024": (
        "Hab mit Mama gesprochen, sie kommt Samstag um drei.",
        "Habt ihr Samstag Zeit?",
        "Das Paket kommt Samstag.",
        "Was machst du Samstag?",
        "Ich muss Samstag arbeiten.",
        "Le plombier a appelé, il passe samedi matin.",
        "J'ai oublié de te dire, samedi je travaille.",
        "Ho dimenticato che sabato lavoro.",
        "L'idraulico ha chiamato, passa sabato.",
    ),
    "11 May 2024": (
        "Samstag hatte ich Fieber.",
        "Ich hab Samstag den ganzen Tag geputzt.",
        "Das Paket kam Samstag.",
        "Le plombier est venu samedi passé.",
    ),
}
NO_DAY = (
    "Heute ist Samstag.",
    "Mein Lieblingstag ist Samstag.",
    "Montag und Samstag habe ich Training.",
    "Der Samstag war lang.",
    "Schönen Samstag euch allen!",
    "Tatort läuft immer Sonntag.",
    "Lena Freitag ist meine Chefin.",
    "Herr Sonntag hat angerufen.",
    "Frau Montag kommt um drei.",
    "Kommst du Freitag oder Samstag?",
    "Samstag oder Sonntag?",
)


def values(text: str) -> list[str]:
    return [found.value for found in resolve(text, WEDNESDAY)]


@pytest.mark.parametrize("text", AHEAD)
def test_what_is_ahead_stays_ahead_beside_what_was_done(text: str) -> None:
    assert values(text) == ["18 May 2024"]


@pytest.mark.parametrize("text", PAST)
def test_what_is_past_by_its_own_verb_or_without_any_is_past(text: str) -> None:
    assert values(text) == ["11 May 2024"]


@pytest.mark.parametrize("text", OPEN)
def test_a_clause_whose_verb_does_not_tell_takes_no_tense_of_another(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(("text", "value"), [(text, value) for value, texts in BARE.items() for text in texts])
def test_a_day_is_named_without_a_preposition(text: str, value: str) -> None:
    assert values(text) == [value]


@pytest.mark.parametrize("text", NO_DAY)
def test_a_name_an_attribute_or_a_choice_is_no_day(text: str) -> None:
    assert values(text) == []
