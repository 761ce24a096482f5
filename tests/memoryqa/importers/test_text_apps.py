"""KakaoTalk and LINE: what their text files say, and round trips of generated chats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from exports import import_export, messages_or_refusal, write_export
from hypothesis import given, settings
from hypothesis import strategies as st
from samples_of_exports import SAMPLES
from strategies import num_examples

from memoryqa.importers import Import, Message


def sample(name: str, folder: Path) -> tuple[list[Message], Import]:
    _, file_name, content = SAMPLES[name]
    return import_export(write_export(folder / file_name, content))


def said(messages: Sequence[Message]) -> list[tuple[str, str, str]]:
    return [(f"{one.time:%d %H:%M}", one.speaker, one.text or ", ".join(one.attachments) or "-") for one in messages]


# -- KakaoTalk ---------------------------------------------------------------------------------------------------------


def test_a_korean_file_of_the_desktop(tmp_path: Path) -> None:
    messages, found = sample("kakaotalk-windows", tmp_path)
    assert said(messages) == [
        ("13 23:58", "Ana", "배는 아홉 시에 떠나요"),
        ("13 23:59", "[총무] 김철수", "첫 줄\n\n둘째 줄: 표는 내가 [샀어]"),
        ("14 00:01", "Rui", "사진 3장"),
        ("14 00:01", "Rui", "시간표 5월.pdf"),
        ("14 09:00", "Ana", "-"),
        ("14 12:30", "Ana", "좋아요"),
    ]
    assert messages[4].deleted
    assert messages[5].attachments == ("이모티콘",)
    assert {one.chat for one in messages} == {"캠핑 모임 4"}
    assert found.report.skipped == {"event of the chat": 2, "call": 1}


def test_files_of_phones_and_in_english(tmp_path: Path) -> None:
    android = sample("kakaotalk-android", tmp_path)[0]
    assert said(android) == [
        ("13 23:58", "회원님", "배는 언제 떠나?"),
        ("13 23:59", "Ana/포르투", "아홉 시\n그리고 : 늦지 마"),
        ("14 00:01", "Ana/포르투", "이모티콘"),
        ("14 00:03", "Rui", "안녕"),
    ]
    assert (android[0].author, android[1].author) == ("me", "")
    assert said(sample("kakaotalk-android-en", tmp_path)[0]) == [
        ("13 23:58", "Ana", "The ferry leaves at nine\nfrom the pier"),
        ("14 00:01", "Rui", "gate 4 : left"),
    ]
    messages, found = sample("kakaotalk-ios", tmp_path)
    assert [one.attachments for one in messages] == [(), ("d41d8cd98f00b204e9800998ecf8427e.jpg",)]
    assert found.report.skipped == {"event of the chat": 1}


def test_the_table_of_the_mac_is_one_of_records(tmp_path: Path) -> None:
    rows = '2024-05-13 23:58:00,"Ana","The ferry\r\nleaves"\r\n2024-05-13 23:59:00,"Rui","사진"\r\n'
    text = f"\ufeffDate,User,Message\r\n{rows}"
    messages, found = import_export(write_export(tmp_path / "KakaoTalk_Chat_Ana.csv", text))
    assert found.format == "records"
    assert said(messages) == [("13 23:58", "Ana", "The ferry\nleaves"), ("13 23:59", "Rui", "사진")]


def test_a_newer_file_marks_what_was_deleted(tmp_path: Path) -> None:
    older = sample("kakaotalk-windows", tmp_path / "a")[0]
    content = (
        SAMPLES["kakaotalk-windows"][2]
        .replace("둘째 줄: 표는 내가 [샀어]".encode(), b"")
        .replace("첫 줄".encode(), "삭제된 메시지입니다.".encode())
    )
    newer = import_export(write_export(tmp_path / "b" / "KakaoTalk_20240601_group.txt", content))[0]
    assert [one.id for one in newer] == [one.id for one in older]
    assert (older[1].deleted, newer[1].deleted) == (False, True)


# -- LINE --------------------------------------------------------------------------------------------------------------


def test_a_japanese_file(tmp_path: Path) -> None:
    messages, found = sample("line-ja", tmp_path)
    assert said(messages) == [
        ("13 23:58", "Ana", "フェリーは九時に出ます"),
        ("13 23:58", "Rui 田中", '二行です\n2024/05/20(月)\n"と書いた'),
        ("13 23:59", "Rui 田中", "スタンプ"),
        ("14 00:01", "Ana", "時刻表.pdf"),
        ("14 00:02", "Ana", "-"),
        ("14 00:05", "Ana", '"引用だけ'),
        ("15 09:00", "Ana", "おはよう"),
    ]
    assert messages[4].deleted
    assert found.report.skipped == {"event of the chat": 1, "call": 1}


def test_the_days_of_the_week_decide_the_order_of_dates(tmp_path: Path) -> None:
    messages, _ = sample("line-en", tmp_path)
    assert [one.time.month for one in messages if one.time] == [5] * 6
    assert [(one.speaker, one.author) for one in messages if one.deleted] == [("Ana Silva", ""), ("Me", "me")]
    assert messages[2].text == "one\ntwo"
    assert messages[3].text == '"in quotes"'
    american = "[LINE] Chat history with Ana\n\nMon, 05/06/2024\n11:58 PM\tAna\thello\n"
    (message,), _ = import_export(write_export(tmp_path / "[LINE] Ana.txt", american))
    assert message.time == datetime(2024, 5, 6, 23, 58)


def test_halves_of_the_day_before_the_hour(tmp_path: Path) -> None:
    assert said(sample("line-zh", tmp_path)[0]) == [
        ("13 23:58", "Ana", "船九點開"),
        ("13 23:59", "Rui", "貼圖"),
        ("14 00:01", "Rui", "好"),
    ]


def test_names_of_the_desktop_are_what_its_lines_share(tmp_path: Path) -> None:
    messages, found = sample("line-desktop", tmp_path)
    assert said(messages)[2:5] == [
        ("13 23:52", "Ana Silva", "the ferry leaves at nine\nfrom the pier"),
        ("13 23:53", "Ana Silva", "bring the red bag"),
        ("14 00:01", "Ana Silva", "good night"),
    ]
    assert found.report.notes == ["blanks separate names from texts; names are read as Ana Silva, Rui"]


@pytest.mark.parametrize("name", ["notes.txt", "[LINE] Ana.txt", "KakaoTalkChats.txt"])
def test_other_texts_are_not_taken_for_theirs(name: str, tmp_path: Path) -> None:
    dated = "2024-05-13 10:15 Ana: hi\n2024-05-13 10:16 Rui: ho\n"
    whatsapp = "2024년 5월 13일 오후 3:04 - Ana: 안녕\n2024년 5월 14일 오후 3:05 - Rui: 응\n"
    assert import_export(write_export(tmp_path / "a" / name, dated))[1].format == "lines"
    assert import_export(write_export(tmp_path / "b" / name, whatsapp))[1].format == "whatsapp"
    weechat = "2024-05-13 10:15:10\tana\tthe mast is loose\n2024-05-13 10:15:20\t@rui\tbolts\n"
    assert import_export(write_export(tmp_path / "c" / name, weechat))[1].format == "irc"


# -- round trips -------------------------------------------------------------------------------------------------------


class Said(NamedTuple):
    speaker: str
    text: str
    time: datetime


Chat = Sequence[Said]
KOREAN_DAYS, JAPANESE_DAYS = "월화수목금토일", "月火水木金土日"


def half(time: datetime, early: str, late: str) -> str:
    return f"{late if time.hour >= 12 else early}{time.hour % 12 or 12}:{time:%M}"


def kakao_desktop(chat: Chat) -> str:
    lines, day = ["모임 님과 카카오톡 대화", "저장한 날짜 : 2024-06-01 10:00:00", ""], None
    for one in chat:
        if one.time.date() != day:
            day = one.time.date()
            weekday = KOREAN_DAYS[day.weekday()]
            lines.append(f"--------------- {day.year}년 {day.month}월 {day.day}일 {weekday}요일 ---------------")
        lines.append(f"[{one.speaker}] [{half(one.time, '오전 ', '오후 ')}] {one.text}")
    return "\r\n".join(lines) + "\r\n"


def kakao_phone(chat: Chat) -> str:
    lines = ["모임 님과 카카오톡 대화", "저장한 날짜 : 2024년 6월 1일 오전 10:00", "", ""]
    for one in chat:
        at = f"{one.time.year}년 {one.time.month}월 {one.time.day}일 {half(one.time, '오전 ', '오후 ')}"
        lines += [at, f"{at}, {one.speaker} : {one.text}"]
    return "\n".join(lines) + "\n"


def kakao_english(chat: Chat) -> str:
    stamps = [f"{one.time:%B} {one.time.day}, {one.time.year} at {one.time:%I:%M %p}" for one in chat]
    said = [f"{at}, {one.speaker} : {one.text}" for at, one in zip(stamps, chat, strict=True)]
    return "\n".join(["KakaoTalk Chats with Boats", "Date Saved : June 1, 2024 at 10:00 AM", "", *said]) + "\n"


def line_tabs(chat: Chat) -> str:
    lines, day = ["[LINE] 仲間のトーク履歴", "保存日時：2024/06/01 10:00", ""], None
    for one in chat:
        if one.time.date() != day:
            day = one.time.date()
            lines.append(f"{day:%Y/%m/%d}({JAPANESE_DAYS[day.weekday()]})")
        text = '"' + one.text.replace('"', '""') + '"' if "\n" in one.text else one.text
        lines.append(f"{half(one.time, '午前', '午後')}\t{one.speaker}\t{text}")
    return "\n".join(lines) + "\n"


WRITERS: dict[str, Callable[[Chat], str]] = {
    "kakaotalk desktop": kakao_desktop,
    "kakaotalk phone": kakao_phone,
    "kakaotalk english": kakao_english,
    "line": line_tabs,
}
NAMES = st.sampled_from(["Ana", "Rui 김", "[팀] 철수", "Zoë/포르투", "+82 10-1234-5678", "田中"])
LINES = st.text("abc é漢한🙂:,.[]\"'!", min_size=1, max_size=40).map(str.strip).filter(bool)
TEXTS = st.lists(LINES, min_size=1, max_size=3).map("\n".join)


@pytest.mark.parametrize("name", sorted(WRITERS))
@given(st.lists(st.tuples(NAMES, TEXTS, st.integers(0, 3000)), min_size=2, max_size=8))
@settings(max_examples=num_examples(40), deadline=None)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, name: str, generated: list[tuple[str, str, int]]) -> None:
    at = datetime(2024, 2, 28, 22, 0)
    chat: list[Said] = []
    for speaker, text, minutes in generated:
        at += timedelta(minutes=minutes)
        chat.append(Said(speaker, text, at))
    path = write_export(tmp_path_factory.mktemp("text") / "chat.txt", WRITERS[name](chat))
    messages, found = import_export(path)
    assert found.format == name.split()[0]
    assert [(one.speaker, one.text, one.time) for one in messages] == [tuple(one) for one in chat]
    assert len({one.id for one in messages}) == len(messages)


@given(st.text('0123456789:/[]() \t\n"年月日午後오후요일,.-LINEMon', max_size=300))
@settings(max_examples=num_examples(80), deadline=None)
def test_anything_that_is_like_them_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = write_export(tmp_path_factory.mktemp("any") / "chat.txt", text)
    for format in ("line", "kakaotalk"):
        assert messages_or_refusal(path, format)
