from __future__ import annotations

import mailbox
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import pytest
from exports import import_export, write_export
from hypothesis import given, settings
from hypothesis import strategies as st
from samples_of_exports import MBOX
from strategies import num_examples

from memoryqa.importers import Message


def mails(folder: Path, *contents: str) -> list[Message]:
    head = (
        "From: Ana <ana@example.org>\nDate: Mon, 13 May 2024 10:15:00 +0100\nMessage-ID: <{}@x>\nSubject: Re: Boat\n{}"
    )
    text = "\n\n".join("From x Mon May 13 2024\n" + head.format(number, body) for number, body in enumerate(contents))
    return import_export(write_export(folder / "a.mbox", text))[0]


def test_an_mbox_oldest_first_without_quotes_signatures_and_spam(tmp_path: Path) -> None:
    messages, found = import_export(write_export(tmp_path / "All mail.mbox", MBOX))
    assert [(one.speaker, one.text, one.author) for one in messages] == [
        ("Rui", "Boat shed\nWhere is\nthe key?\nR&B", "rui@example.org"),
        ("Zoë Ålund", "The key is at the café.\n\nFrom there it is a short walk.", "zoe@example.org"),
    ]
    assert messages[0].attachments == ("plan.pdf",)
    assert messages[1].reply_to == messages[0].id
    assert {one.chat for one in messages} == {"Boat shed"}
    assert messages[1].time is not None
    assert messages[1].time.isoformat() == "2024-05-14T09:00:00+02:00"
    assert found.report.skipped == {"quoted line": 2, "signature": 1, "mail in the spam or the trash": 1}


@pytest.mark.parametrize(
    ("body", "own"),
    [
        ("Yes.\n\nAm 13.05.2024 um 10:15 schrieb Rui <r@x>:\n> Kommst du?", "Yes."),
        ("Yes.\n\nLe lun. 13 mai 2024 à 10:15, Rui <r@x> a écrit :\n\n> Tu viens ?", "Yes."),
        ("Yes.\n\n-----Original Message-----\nFrom: Rui\nSent: Monday\n\nAre you coming?", "Yes."),
        ("> Are you coming?\nYes.\n> And Ana?\nNo.", "Yes.\nNo."),
        (
            "---------- Forwarded message ---------\nFrom: Port\n\nClosed.",
            "---------- Forwarded message ---------\nFrom: Port\n\nClosed.",
        ),
        ("On Monday we left.\nThen we wrote: nothing", "On Monday we left.\nThen we wrote: nothing"),
        ("a -- b\n-- \nAna\nHarbour", "a -- b"),
        ("2 > 1 and x", "2 > 1 and x"),
    ],
)
def test_what_is_the_writers_own(body: str, own: str, tmp_path: Path) -> None:
    (message,) = mails(tmp_path, f"\n{body}\n")
    assert message.text == own


def test_encodings_that_are_wrong_are_read_as_well_as_can_be(tmp_path: Path) -> None:
    messages = mails(
        tmp_path,
        "Content-Type: text/plain; charset=nonsense\n\ncafé",
        "Content-Type: text/html\n\n<p>a<br>b</p><blockquote>old</blockquote>",
        "Content-Type: multipart/mixed\n\nno boundary",
        "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!not base64",
        "Subject: =?bad?q?x?=\n\nlast",
    )
    assert [one.text for one in messages][:2] == ["café", "a\nb"]
    assert messages[-1].text == "last"


@pytest.mark.parametrize(
    "sender",
    [
        "=?utf-8?q?=C3=85lund=2C_Zo=C3=AB?= <zoe@example.org>",
        '"=?utf-8?q?=C3=85lund=2C_Zo=C3=AB?=" <zoe@example.org>',
        '"Ålund, Zoë" <zoe@example.org>',
        "Ålund, Zoë <Zoe@Example.org>",
        "=?utf-8?q?=C3=85lund=2C?=\n =?utf-8?q?_Zo=C3=AB?=\n <zoe@example.org>",
    ],
)
def test_a_name_with_a_comma_is_one_person(sender: str, tmp_path: Path) -> None:
    text = f"From x Mon May 13 2024\nFrom: {sender}\nDate: Mon, 13 May 2024 10:15:00 +0100\nSubject: Re: x\n\nhello\n"
    (message,), _ = import_export(write_export(tmp_path / "a.mbox", text))
    assert (message.speaker, message.author) == ("Ålund, Zoë", "zoe@example.org")


@pytest.mark.parametrize(
    ("date", "read"),
    [
        ("Mon, 13 May 2024 10:15:00 +0100", "2024-05-13T10:15:00+01:00"),
        ("13 May 2024 10:15:00 -0330", "2024-05-13T10:15:00-03:30"),
        ("Mon, 13 May 2024 10:15:00 -0000", "2024-05-13T10:15:00"),
        ("Mon, 13 May 2024 10:15:00 GMT", "2024-05-13T10:15:00+00:00"),
        ("Mon, 13 May 24 10:15 +0000 (UTC)", "2024-05-13T10:15:00+00:00"),
        ("Mon, 31 Feb 2024 10:15:00 +0000", None),
        ("Mon, 13 May 2024 10:15:00 +9900", None),
        ("soon", None),
    ],
)
def test_dates_of_mails(date: str, read: str | None, tmp_path: Path) -> None:
    text = f"From x Mon May 13 2024\nFrom: Ana <a@x>\nDate: {date}\nSubject: Re: x\n\nhello\n"
    (message,), _ = import_export(write_export(tmp_path / "a.mbox", text))
    assert (message.time.isoformat() if message.time else None) == read


WORDS = st.text("abc dé漢🙂.,", min_size=1, max_size=60).map(str.strip).filter(bool)


@given(st.lists(st.tuples(WORDS, WORDS, st.integers(0, 10**6)), min_size=1, max_size=6))
@settings(max_examples=num_examples(40), deadline=None)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str, int]]) -> None:
    path = tmp_path_factory.mktemp("mail") / "a.mbox"
    box = mailbox.mbox(path)
    sent = [(subject, body, datetime(2024, 5, 13, tzinfo=UTC) + timedelta(seconds=at)) for subject, body, at in said]
    for number, (subject, body, time) in enumerate(sent):
        mail = EmailMessage()
        mail["From"], mail["Subject"], mail["Date"] = "Zoë <zoe@example.org>", f"Re: {subject}", format_datetime(time)
        mail["Message-ID"] = f"<{number}@x>"
        mail.set_content(body + "\n")
        box.add(mail)
    box.close()
    messages, _ = import_export(path)
    assert {(one.speaker, one.text, one.time) for one in messages} == {("Zoë", body, time) for _, body, time in sent}
    times = [one.time for one in messages if one.time]
    assert times == sorted(times)
