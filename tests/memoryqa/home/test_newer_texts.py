"""A newer export of KakaoTalk, LINE, Discord's package and data sets: new, edited and deleted, nothing twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from exports import write_export
from samples_of_exports import SAMPLES

from memoryqa.home.importing import import_export
from memoryqa.memories import Memories

KAKAO, LINE, ALPACA, OWN = ("kakaotalk-windows", "line-ja", "sharegpt", "discord-package")
SECOND = "첫 줄\r\n\r\n둘째 줄: 표는 내가 [샀어]"


def newer(name: str) -> str:
    text = SAMPLES[name][2].decode()
    if name == KAKAO:
        return text.replace(SECOND, "삭제된 메시지입니다.") + "[Ana] [오후 11:00] 새 메시지\r\n"
    if name == LINE:
        return (
            text.replace("Ana\tフェリーは九時に出ます", "Anaがメッセージの送信を取り消しました") + "9:01\tAna\tnew\r\n"
        )
    document = json.loads(text)
    if name == OWN:
        return json.dumps([{**document[0], "ID": 1300, "Timestamp": "2024-06-01 10:00:00"}, *document])
    document[0]["conversations"][2]["value"] = "Thirteen hours."
    return json.dumps([*document, {"id": "n", "conversations": [{"from": "human", "value": "New?"}]}])


@pytest.mark.parametrize(
    ("name", "chat", "counts"),
    [
        (KAKAO, "캠핑 모임 4", (1, 0, 1, 5)),
        (LINE, "釣り仲間", (1, 0, 1, 6)),
        (ALPACA, "sharegpt", (1, 1, 0, 2)),
        (OWN, "Discord, my messages", (1, 0, 0, 2)),
    ],
)
def test_a_newer_export_adds_edits_and_deletes(
    name: str, chat: str, counts: tuple[int, int, int, int], tmp_path: Path
) -> None:
    file_name, content = SAMPLES[name][1:]
    with Memories.open(tmp_path / "store") as memories:
        import_export(memories, write_export(tmp_path / "a" / file_name, content))
        (one,) = import_export(memories, write_export(tmp_path / "b" / file_name, newer(name))).chats
        assert (one.chat, one.added, one.edited, one.deleted, one.unchanged) == (chat, *counts)
        (again,) = import_export(memories, tmp_path / "b" / file_name).chats
        assert (again.added, again.edited, again.deleted) == (0, 0, 0)
