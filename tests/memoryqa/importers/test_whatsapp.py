from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from exports import import_export, write_export, zipped
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import num_examples

from memoryqa import AdaptiveMemory
from memoryqa.errors import UsageError
from memoryqa.importers import difference, fingerprint, read
from memoryqa.importers.whatsapp.header import header_of, hour_of

LRM, NARROW = "\u200e", "\u202f"

ANDROID = """\
13/05/2024, 21:05 - Messages and calls are end-to-end encrypted. No one outside of this chat can read them.
13/05/2024, 21:05 - Ines created group "Lisbon: June"
13/05/2024, 21:06 - Ines: The ferry leaves at nine.
Bring the tickets.

And a jacket
13/05/2024, 21:07 - ~\u202fTomás: <Media omitted>
the blue door
14/05/2024, 00:01 - +351 912 345 678: IMG-20240514-WA0003.jpg (file attached)
14/05/2024, 08:15 - Ines: This message was deleted
14/05/2024, 08:16 - Ines: platform 4: north side <This message was edited>
14/05/2024, 08:17 - Ines: report (final).pdf (see page 3)
"""


def test_android_messages_with_their_lines_media_marks_and_events(tmp_path: Path) -> None:
    messages, found = import_export(write_export(tmp_path / "WhatsApp Chat with Ines (2).txt", ANDROID))

    assert [(one.speaker, one.text, one.attachments) for one in messages] == [
        ("Ines", "The ferry leaves at nine.\nBring the tickets.\n\nAnd a jacket", ()),
        ("~ Tomás", "the blue door", ("Media omitted",)),
        ("+351 912 345 678", "", ("IMG-20240514-WA0003.jpg",)),
        ("Ines", "", ()),
        ("Ines", "platform 4: north side", ()),
        ("Ines", "report (final).pdf (see page 3)", ()),
    ]
    assert messages[0].time == datetime(2024, 5, 13, 21, 6)
    assert [one.deleted for one in messages] == [False, False, False, True, False, False]
    assert [one.edited for one in messages] == [False, False, False, False, True, False]
    assert {one.chat for one in messages} == {"Ines"}
    assert found.report.skipped == {"encryption notice": 1, "group event or notice": 1}
    assert len({one.id for one in messages}) == len(messages)


IOS = f"""\
{LRM}[5/13/24, 9:05:33{NARROW}PM] Lisbon June: {LRM}Messages and calls are end-to-end encrypted.
[5/13/24, 9:05:34{NARROW}PM] Lisbon June: {LRM}Inês frobbed the group
[5/13/24, 9:06:34{NARROW}PM] Inês: at the station: gate 2
{LRM}[5/13/24, 9:06:35{NARROW}PM] Inês: {LRM}image omitted
{LRM}[5/13/24, 9:06:36{NARROW}PM] Inês: the harbour {LRM}<attached: 00000012-PHOTO-2024-05-13-21-06-36.jpg>
{LRM}[5/14/24, 12:06:36{NARROW}AM] Inês: {LRM}This message was deleted.
{LRM}[5/14/24, 12:07:00{NARROW}PM] Inês: timetable.pdf • {LRM}2 pages {LRM}document omitted
[5/14/24, 12:08:00{NARROW}PM] Inês: see you {LRM}<This message was edited>
{LRM}[5/14/24, 12:09:00{NARROW}PM] Inês: {LRM}Missed voice call
"""


def test_ios_messages_in_their_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path / "WhatsApp Chat - Lisbon June.zip", {"_chat.txt": IOS, "a.jpg": b"\xff\xd8"})
    messages, found = import_export(path)

    assert [(one.text, one.attachments, one.time) for one in messages] == [
        ("at the station: gate 2", (), datetime(2024, 5, 13, 21, 6, 34)),
        ("", ("image omitted",), datetime(2024, 5, 13, 21, 6, 35)),
        ("the harbour", ("00000012-PHOTO-2024-05-13-21-06-36.jpg",), datetime(2024, 5, 13, 21, 6, 36)),
        ("", (), datetime(2024, 5, 14, 0, 6, 36)),
        ("", ("timetable.pdf (2 pages)",), datetime(2024, 5, 14, 12, 7)),
        ("see you", (), datetime(2024, 5, 14, 12, 8)),
    ]
    assert {(one.speaker, one.chat) for one in messages} == {("Inês", "Lisbon June")}
    assert messages[3].deleted
    assert messages[5].edited
    assert sum(found.report.skipped.values()) == 3


@pytest.mark.parametrize(
    ("line", "hour"),
    [
        ("31.12.23, 21:05 - A: x", 21),
        ("31.12.2023 klo 21.05 - A: x", 21),
        ("[31.12.2023 klo 21.05.33] A: x", 21),
        ("31/12/2023 21:05 - A: x", 21),
        ("31/12/2023 às 21:05 - A: x", 21),
        ("31/12/23 9:05 p. m. - A: x", 21),
        ("31/12/23, 9:05 p.\u00a0m. - A: x", 21),
        ("[31/12/23, 9:05:33 μ.μ.] A: x", 21),
        ("31/12/23, 12:05 a. m. - A: x", 0),
        ("2023-12-31, 21:05 - A: x", 21),
        ("2023-12-31 21 h 05 - A: x", 21),
        ("2023/12/31 下午9:05 - A: x", 21),
        ("2023年12月31日 21:05 - A: x", 21),
        ("2023. 12. 31. 오후 9:05 - A: x", 21),
        ("2023. 12. 31. 21:05 - A: x", 21),
        ("٣١\u200f/١٢\u200f/٢٠٢٣، ٩:٠٥ م - A: x", 21),
        ("31.12.23 г., 21:05 - A: x", 21),
        ("31-12-2023 21:05 - A: x", 21),
        ("[21:05, 31/12/2023] A: x", 21),
        ("31/12/15 21:05:33: A: x", 21),
        ("31/12/2566 21:05 - A: x", 21),
        ("\u200e[12/31/23, 9:05:33\u202fPM] A: x", 21),
        ("12/31/23, 9:05\u202fam - A: x", 9),
    ],
)
def test_headers_of_many_locales(line: str, hour: int, tmp_path: Path) -> None:
    header = header_of(line)
    assert header is not None
    assert (hour_of(header.hour, header.half), header.minute, header.unknown) == (hour, 5, "")
    (message,), _ = import_export(write_export(tmp_path / "chat.txt", line), "whatsapp")
    assert message.time is not None
    assert message.time.date() in (date(2023, 12, 31), date(2015, 12, 31))
    assert (message.speaker, message.text) == ("A", "x")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "and 12/31/23 too",
        "12:30 at the door - bring it",
        "99 red balloons: a song",
        "[1] Ana: no",
        "12/31 - Ana: x",
    ],
)
def test_lines_that_begin_no_message(line: str) -> None:
    assert header_of(line) is None


def chat(*dates: str, form: str = "{}, 10:00 - Ana: hi") -> str:
    return "\n".join(form.format(one) for one in dates)


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (("3/4/23", "14/4/23"), date(2023, 4, 3)),  # a number above 12
        (("3/4/23", "4/14/23"), date(2023, 3, 4)),
        (("11/2/21", "2/3/21", "6/4/21"), date(2021, 2, 11)),  # otherwise it would go back
        (("3.4.23", "5.4.23"), date(2023, 4, 3)),  # no locale writes month.day.year
        (("25.05.23", "26.05.23"), date(2023, 5, 25)),  # nor the year first, with two digits
        (("2023/3/4", "2023/3/5"), date(2023, 3, 4)),
        (("23-03-04", "23-03-31"), date(2023, 3, 4)),
        (("5/5/23",), date(2023, 5, 5)),  # means the same in both
        (("13/05/24",), date(2024, 5, 13)),  # the year stands last but in a few languages
        (("05/13/24",), date(2024, 5, 13)),
        (("01.02.20",), date(2020, 2, 1)),
    ],
)
def test_order_of_dates_is_decided_by_the_whole_file(dates: tuple[str, ...], first: date, tmp_path: Path) -> None:
    messages, found = import_export(write_export(tmp_path / "chat.txt", chat(*dates)))
    assert messages[0].time is not None
    assert messages[0].time.date() == first
    assert any(note.startswith("dates are read as") for note in found.report.notes)


def test_dates_in_the_names_of_attachments_decide(tmp_path: Path) -> None:
    text = "3/4/23, 10:00 - Ana: hi\n3/4/23, 10:01 - Ana: IMG-20230304-WA0001.jpg (file attached)"
    messages, _ = import_export(write_export(tmp_path / "chat.txt", text))
    assert messages[0].time == datetime(2023, 3, 4, 10)


def test_dates_of_the_future_are_no_reading(tmp_path: Path) -> None:
    year = date.today().year % 100
    if year > 28:  # from then on the year is no day of February
        pytest.skip("the example needs a year below 29")
    form = "{}, 10:00 - 李小龍: hi"  # in whose language the year may stand first
    text = chat(f"11/02/{year + 1}", f"12/02/{year + 1}", form=form)  # y/m/d is 2011 and 2012; the others lie ahead
    messages, _ = import_export(write_export(tmp_path / "chat.txt", text))
    assert messages[0].time == datetime(2011, 2, year + 1, 10)


def test_order_that_stays_open_is_asked_for(tmp_path: Path) -> None:
    path = write_export(tmp_path / "chat.txt", chat("01/02/2023", "02/03/2023", "03/03/2023"))
    both = r"line 1: 01/02/2023 may be 1 February 2023 \(`dates=dmy`\) or 2 January 2023 \(`dates=mdy`\)"
    with pytest.raises(UsageError, match=both):
        read(path).scan()
    assert import_export(path, dates="mdy")[0][0].time == datetime(2023, 1, 2, 10)
    assert import_export(path, dates="dmy")[0][0].time == datetime(2023, 2, 1, 10)


def test_an_order_that_does_not_fit_is_refused_with_its_line(tmp_path: Path) -> None:
    path = write_export(tmp_path / "chat.txt", chat("01/02/2023", "02/13/2023"))
    with pytest.raises(UsageError, match="line 2: 02/13/2023 is no date in the order dmy"):
        read(path, dates="dmy").scan()


def test_words_for_the_half_of_the_day_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    text = "31/12/23, 9:05 glim - Ana: x\n31/12/23, 10:05 glum - Ana: y"
    with pytest.raises(UsageError, match="cannot tell morning from afternoon by glim, glum"):
        read(write_export(tmp_path / "chat.txt", text), "whatsapp").scan()


@pytest.mark.parametrize(
    ("said", "attachment"),
    [
        ("<Medien ausgeschlossen>", "Medien ausgeschlossen"),
        ("<Multimedia omitido>", "Multimedia omitido"),
        ("<Médias omis>", "Médias omis"),
        ("<Mídia oculta>", "Mídia oculta"),
        ("<Без медиафайлов>", "Без медиафайлов"),
        ("<メディアは含まれていません>", "メディアは含まれていません"),
        (f"{LRM}Bild weggelassen", "Bild weggelassen"),
        (f"{LRM}imagen omitida", "imagen omitida"),
        (f"{LRM}afbeelding weggelaten", "afbeelding weggelaten"),
        (f"{LRM}<adjunto: 00000003-AUDIO-2023-12-31-10-00-00.opus>", "00000003-AUDIO-2023-12-31-10-00-00.opus"),
        ("PTT-20231231-WA0001.opus (Datei angehängt)", "PTT-20231231-WA0001.opus"),
        ("Fahrplan.pdf (Datei angehängt)", "Fahrplan.pdf"),
        ("I omitted it", None),
        ("<3", None),
        ("see <attached: it>", None),
    ],
)
def test_attachments_in_many_languages(said: str, attachment: str | None, tmp_path: Path) -> None:
    (message,), _ = import_export(write_export(tmp_path / "chat.txt", f"[31.12.23, 10:00:00] Ana: {said}"), "whatsapp")
    assert message.attachments == ((attachment,) if attachment else ())
    assert message.text == ("" if attachment else said)


@pytest.mark.parametrize(
    "said",
    [
        "Diese Nachricht wurde gelöscht.",
        "Eliminaste este mensaje.",
        "Ce message a été supprimé",
        "このメッセージは削除されました",
        "Você apagou esta mensagem",
        "This message was deleted by admin Ines.",
    ],
)
def test_deletions_in_many_languages(said: str, tmp_path: Path) -> None:
    (message,), _ = import_export(write_export(tmp_path / "chat.txt", f"31.12.23, 10:00 - Ana: {said}"), "whatsapp")
    assert (message.deleted, message.text) == (True, "")


def test_a_message_that_speaks_of_a_deletion_is_none(tmp_path: Path) -> None:
    (message,), _ = import_export(
        write_export(tmp_path / "c.txt", "31.12.23, 10:00 - Ana: this message was deleted, why?")
    )
    assert (message.deleted, message.text) == (False, "this message was deleted, why?")


def test_attachments_are_known_by_the_files_beside_the_chat(tmp_path: Path) -> None:
    chat_text = "31.12.23, 10:00 - Ana: Ölpreis.xlsx (beigelegt)"
    path = zipped(tmp_path / "WhatsApp Chat mit Ana.zip", {"WhatsApp Chat mit Ana.txt": chat_text, "Ölpreis.xlsx": b""})
    (message,), _ = import_export(path)
    assert (message.attachments, message.chat) == (("Ölpreis.xlsx",), "Ana")


def test_a_newer_export_adds_what_is_new_and_marks_what_changed(tmp_path: Path) -> None:
    old, _ = import_export(write_export(tmp_path / "old" / "WhatsApp Chat with Ines.txt", ANDROID))
    newer = ANDROID.replace("The ferry leaves at nine.", "The ferry leaves at ten. <This message was edited>")
    newer = newer.replace("report (final).pdf (see page 3)", "This message was deleted")
    newer += "15/05/2024, 09:00 - Ines: home\n"
    new, _ = import_export(write_export(tmp_path / "new" / "WhatsApp Chat with Ines (1).txt", newer))

    found = difference(new, {one.id: fingerprint(one) for one in old})

    assert [one.text for one in found.new] == ["home"]
    assert [one.text.partition("\n")[0] for one in found.edited] == [
        "The ferry leaves at ten. <This message was edited>"
    ]
    assert [one.deleted for one in found.deleted] == [True]
    assert (found.unchanged, found.missing) == (4, [])


def test_people_are_joined_and_the_zone_is_attached(tmp_path: Path) -> None:
    path = write_export(tmp_path / "chat.txt", ANDROID)
    messages, found = import_export(
        path, same={"+351912345678": "Rui", "tomás": "Tom"}, timezone="Europe/Lisbon", me="Ines"
    )
    assert dict(found.report.people) == {"Ines": 4, "~ Tomás": 1, "Rui": 1}
    assert messages[0].time is not None
    assert messages[0].time.isoformat() == "2024-05-13T21:06:00+01:00"


def test_a_memory_takes_the_messages(tmp_path: Path) -> None:
    memory = AdaptiveMemory()
    memory.extend(read(write_export(tmp_path / "chat.txt", ANDROID)).messages)
    assert "The ferry leaves at nine" in str(memory.search("When does the ferry leave?"))
    assert memory.expand("D1:2").caption == "Media omitted"
    assert memory.expand("D2:1").time == datetime(2024, 5, 14, 0, 1)


def test_a_file_that_is_cut_inside_a_character_is_refused(tmp_path: Path) -> None:
    path = write_export(tmp_path / "chat.txt", "31.12.23, 10:00 - Ana: grüß".encode()[:-1])
    with pytest.raises(UsageError, match="ends in the middle of a character"):
        read(path).scan()


# -- a chat that is generated, written as the app would, and read back -------------------------------------------------

FORMS = [
    "{:%d.%m.%y, %H:%M} - {}: {}",
    "[{:%d/%m/%Y, %H:%M:%S}] {}: {}",
    "{:%Y-%m-%d %H:%M} - {}: {}",
    "{:%m/%d/%y, %I:%M %p} - {}: {}",
]
NAMES = st.sampled_from(["Ana", "Zoë Ålund", "+49 170 1234567", "李小龍", "O'Neil (work)", "مريم"])
WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp"), exclude_characters="<>"), min_size=1, max_size=40
)
LINES = st.lists(WORDS, min_size=1, max_size=4).map("\n".join).map(str.strip)


def is_plain(text: str) -> bool:
    """Whether no line of it would be taken for what WhatsApp writes."""
    return bool(text) and not any(header_of(line) for line in text.split("\n"))


@given(
    st.lists(st.tuples(NAMES, LINES.filter(is_plain), st.integers(0, 60 * 24 * 400)), min_size=1, max_size=12),
    st.sampled_from(FORMS),
)
@settings(max_examples=num_examples(60), deadline=None)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str, int]], form: str) -> None:
    minutes = sorted(minute for _, _, minute in said)
    start = datetime(2022, 12, 25, 0, 0)
    told = [(name, text, start + timedelta(minutes=at)) for (name, text, _), at in zip(said, minutes, strict=True)]
    order = "ymd" if "%Y-" in form else "mdy" if "%p" in form else "dmy"
    path = tmp_path_factory.mktemp("wa") / "chat.txt"
    write_export(path, "\n".join(form.format(time, name, text) for name, text, time in told))
    messages, _ = import_export(path, "whatsapp", dates=order)
    assert [(one.speaker, one.text, one.time) for one in messages] == told


def test_ids_do_not_depend_on_the_text(tmp_path: Path) -> None:
    first, _ = import_export(write_export(tmp_path / "a.txt", "31.12.23, 10:00 - Ana: x\n31.12.23, 10:00 - Ana: y"))
    second, _ = import_export(write_export(tmp_path / "a.txt", "31.12.23, 10:00 - Ana: z\n31.12.23, 10:00 - Ana: y"))
    assert [one.id for one in first] == [one.id for one in second]
    assert replace(first[0], text="z") == second[0]
