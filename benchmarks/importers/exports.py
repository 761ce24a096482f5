"""Writes generated exports: the words are random, the structure is the app's."""

from __future__ import annotations

import csv
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TextIO

PEOPLE = ("Ana", "Rui", "Inês Ålund", "+351 912 345 678", "O'Neil", "Zoë")
WORDS = (
    "the ferry leaves at nine and we still have no tickets for harbour boat café tomorrow maybe ask Tomás about it"
).split()
START = datetime(2020, 1, 1, tzinfo=UTC)


class Said(NamedTuple):
    """A generated message."""

    number: int
    speaker: str
    text: str
    time: datetime


def generated(count: int) -> Iterator[Said]:
    """`count` messages, the same at every call."""
    chance = random.Random(count)
    at = START
    for number in range(count):
        at += timedelta(seconds=chance.randrange(20, 240))
        yield Said(number, chance.choice(PEOPLE), " ".join(chance.choices(WORDS, k=chance.randrange(4, 20))), at)


def whatsapp(file: TextIO, count: int) -> None:
    for one in generated(count):
        file.write(f"{one.time:%d/%m/%Y, %H:%M} - {one.speaker}: {one.text}\n")


def whatsapp_ios(file: TextIO, count: int) -> None:
    for one in generated(count):
        file.write(f"[{one.time:%d.%m.%y, %H:%M:%S}] {one.speaker}: {one.text}\r\n")


def telegram(file: TextIO, count: int) -> None:
    file.write('{"name": "c", "type": "private_group", "id": 1, "messages": [\n')
    for one in generated(count):
        message = {
            "id": one.number,
            "type": "message",
            "date": one.time.replace(tzinfo=None).isoformat(),
            "date_unixtime": str(int(one.time.timestamp())),
            "from": one.speaker,
            "from_id": f"user{one.speaker}",
            "text": one.text,
            "text_entities": [{"type": "plain", "text": one.text}],
        }
        file.write(("," if one.number else "") + json.dumps(message) + "\n")
    file.write("]}")


def discord(file: TextIO, count: int) -> None:
    file.write('{"guild": {"id": "1"}, "channel": {"id": "2", "name": "c"}, "messages": [\n')
    for one in generated(count):
        message: dict[str, Any] = {
            "id": str(one.number),
            "type": "Default",
            "timestamp": one.time.isoformat(),
            "timestampEdited": None,
            "content": one.text,
            "author": {"id": one.speaker, "name": one.speaker, "nickname": one.speaker, "roles": []},
            "attachments": [],
            "embeds": [],
        }
        file.write(("," if one.number else "") + json.dumps(message) + "\n")
    file.write("]}")


def chatgpt(file: TextIO, count: int) -> None:
    file.write("[\n")
    nodes: dict[str, Any] = {}
    for one in generated(count):
        key, first = f"n{one.number}", one.number % 20 == 0
        message = {
            "id": key,
            "author": {"role": "assistant" if one.number % 2 else "user"},
            "create_time": one.time.timestamp(),
            "content": {"content_type": "text", "parts": [one.text]},
        }
        nodes[key] = {"id": key, "message": message, "parent": None if first else f"n{one.number - 1}"}
        if one.number % 20 == 19 or one.number == count - 1:
            chat = {"title": "t", "id": key, "current_node": key, "create_time": one.time.timestamp(), "mapping": nodes}
            file.write(("," if one.number > 19 else "") + json.dumps(chat) + "\n")
            nodes = {}
    file.write("]")


def records_jsonl(file: TextIO, count: int) -> None:
    for one in generated(count):
        file.write(json.dumps({"speaker": one.speaker, "text": one.text, "time": one.time.isoformat()}) + "\n")


def records_csv(file: TextIO, count: int) -> None:
    writer = csv.writer(file)
    writer.writerow(["sender", "message", "timestamp"])
    writer.writerows((one.speaker, one.text, one.time.isoformat()) for one in generated(count))


def lines(file: TextIO, count: int) -> None:
    for one in generated(count):
        file.write(f"{one.time:%Y-%m-%d %H:%M} {one.speaker.strip('+0123456789 ') or 'Rui'}: {one.text}\n")


def kakaotalk(file: TextIO, count: int) -> None:
    file.write("모임 님과 카카오톡 대화\n저장한 날짜 : 2024-06-01 10:00:00\n\n")
    day = None
    for one in generated(count):
        if one.time.date() != day:
            day = one.time.date()
            file.write(f"--------------- {day.year}년 {day.month}월 {day.day}일 월요일 ---------------\n")
        half = "오후" if one.time.hour >= 12 else "오전"
        file.write(f"[{one.speaker}] [{half} {one.time.hour % 12 or 12}:{one.time:%M}] {one.text}\n")


def kakaotalk_phone(file: TextIO, count: int) -> None:
    file.write("모임 님과 카카오톡 대화\n저장한 날짜 : 2024년 6월 1일 오전 10:00\n\n")
    for one in generated(count):
        half = f"{'오후' if one.time.hour >= 12 else '오전'} {one.time.hour % 12 or 12}:{one.time:%M}"
        file.write(f"{one.time.year}년 {one.time.month}월 {one.time.day}일 {half}, {one.speaker} : {one.text}\n")


def line(file: TextIO, count: int) -> None:
    file.write("[LINE] 仲間のトーク履歴\n保存日時：2024/06/01 10:00\n\n")
    day = None
    for one in generated(count):
        if one.time.date() != day:
            day = one.time.date()
            file.write(f"{day:%Y/%m/%d}(月)\n")
        file.write(f"{one.time:%H:%M}\t{one.speaker}\t{one.text}\n")


def mail(file: TextIO, count: int) -> None:
    for one in generated(count):
        file.write(
            f"From x Mon Jan 1 2020\nFrom: {one.speaker} <p@example.org>\nSubject: Re: boats {one.number // 20}\n"
        )
        file.write(f"Date: {one.time:%a, %d %b %Y %H:%M:%S +0000}\nMessage-ID: <{one.number}@x>\n\n{one.text}\n\n")


WRITERS: dict[str, tuple[str, Callable[[TextIO, int], None]]] = {
    "whatsapp": ("WhatsApp Chat with Ana.txt", whatsapp),
    "whatsapp-ios": ("_chat.txt", whatsapp_ios),
    "whatsapp-zip": ("WhatsApp Chat - Ana.zip", whatsapp_ios),
    "kakaotalk": ("KakaoTalk_group.txt", kakaotalk),
    "kakaotalk-phone": ("KakaoTalkChats.txt", kakaotalk_phone),
    "line": ("[LINE] friends.txt", line),
    "lines": ("notes.txt", lines),
    "records-csv": ("chat.csv", records_csv),
    "records-jsonl": ("chat.jsonl", records_jsonl),
    "telegram": ("result.json", telegram),
    "discord": ("channel.json", discord),
    "chatgpt": ("conversations.json", chatgpt),
    "mail": ("all.mbox", mail),
}


def write_export(name: str, folder: Path, count: int) -> Path:
    """An export of `count` messages, in `folder`."""
    file_name, write = WRITERS[name]
    path = folder / f"{count}" / file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.with_name("_chat.txt") if path.suffix == ".zip" else path
    with text.open("w", encoding="utf-8", newline="") as file:
        write(file, count)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.write(text, "_chat.txt")
        text.unlink()
    return path
