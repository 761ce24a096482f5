"""Text files as KakaoTalk and LINE write them, on desktops and phones, in several languages; and of other files those
that came last: data sets, Discord's package, old logs of Codex, tables without names."""

from __future__ import annotations

from typing import Any

KAKAO_WINDOWS = """\
\ufeff캠핑 모임 4 님과 카카오톡 대화\r
저장한 날짜 : 2024-05-14 22:31:05\r
\r
--------------- 2024년 5월 13일 월요일 ---------------\r
Ana님이 Rui님, 김철수님을 초대했습니다.\r
[Ana] [오후 11:58] 배는 아홉 시에 떠나요\r
[[총무] 김철수] [오후 11:59] 첫 줄\r
\r
둘째 줄: 표는 내가 [샀어]\r
--------------- 2024년 5월 14일 화요일 ---------------\r
[Rui] [오전 12:01] 사진 3장\r
[Rui] [오전 12:01] 파일: 시간표 5월.pdf\r
[Ana] [오전 9:00] 삭제된 메시지입니다.\r
[Ana] [오후 12:30] (이모티콘) 좋아요\r
[Ana] [오후 12:31] 보이스톡 3:12\r
Rui님이 나갔습니다.\r
"""
KAKAO_WINDOWS_EN = """\
KakaoTalk Chats with Ana Silva
Date Saved : 2024-05-14 22:31:05

--------------- Monday, May 13, 2024 ---------------
[Ana Silva] [11:58 PM] The ferry leaves at nine
[Rui] [11:59 PM] Photo
--------------- Tuesday, May 14, 2024 ---------------
[Rui] [12:01 AM] gate 4: left
Rui left this chatroom.
"""
KAKAO_ANDROID = """\
Ana 님과 카카오톡 대화
저장한 날짜 : 2024년 5월 14일 오후 10:31


2024년 5월 13일 오후 11:58
2024년 5월 13일 오후 11:58, 회원님 : 배는 언제 떠나?
2024년 5월 13일 오후 11:59, Ana/포르투 : 아홉 시
그리고 : 늦지 마

2024년 5월 14일 오전 12:01
2024년 5월 14일 오전 12:01, Ana/포르투 : 이모티콘
2024년 5월 14일 오전 12:02, Rui님이 들어왔습니다.
2024년 5월 14일 오전 12:03, Rui : 안녕
"""
KAKAO_ANDROID_EN = """\
KakaoTalk Chats with Ana
Date Saved : May 14, 2024 at 10:31 PM

May 13, 2024 at 11:58 PM
May 13, 2024 at 11:58 PM, Ana : The ferry leaves at nine
from the pier
May 14, 2024 at 12:01\u202fa.m., Rui : gate 4 : left
"""
KAKAO_IOS = """\
Ana 님과 카카오톡 대화
저장한 날짜 : 2024. 5. 14. 오후 10:31

2024년 5월 13일 월요일
2024. 5. 13. 오후 11:58, Ana : 배는 아홉 시에 떠나요
2024. 5. 13. 23:59, Rui : d41d8cd98f00b204e9800998ecf8427e.jpg
2024. 5. 13. 오후 11:59: Rui님이 나갔습니다.
"""
LINE_JA = """\
\ufeff[LINE] 釣り仲間のトーク履歴\r
保存日時：2024/05/14 22:31\r
\r
2024/05/13(月)\r
23:58\tAna\tフェリーは九時に出ます\r
23:58\tRui 田中\t"二行です\r
2024/05/20(月)\r
""と書いた"\r
23:59\tRui 田中\t[スタンプ]\r
\r
2024/05/14(火)\r
0:01\tAna\t[ファイル] 時刻表.pdf\r
0:02\tAnaがメッセージの送信を取り消しました\r
0:03\tRui 田中\t☎ 通話時間 1:23\r
0:04\tRui 田中が退出しました。\r
0:05\tAna\t"引用だけ\r
2024/05/15(水)\r
9:00\tAna\tおはよう\r
"""
LINE_EN = """\
[LINE] Chat history with Ana Silva
Saved on: 14/05/2024, 22:31

Mon, 06/05/2024
11:58 PM\tAna Silva\tThe ferry leaves at nine
11:59 PM\tRui\t[Photo]
12:01 AM\tRui\t"one
two"
Tue, 07/05/2024
9:00 AM\tAna Silva\t"in quotes"
9:01 AM\tAna Silva unsent a message.
9:02 AM\tRui joined the group.
9:03 AM\tYou unsent a message.
"""
LINE_ZH = """\
[LINE] 與Ana的聊天記錄
儲存日期: 2024/05/14 22:31

2024/05/13（一）
下午11:58\tAna\t船九點開
下午11:59\tRui\t[貼圖]
2024/05/14（二）
上午12:01\tRui\t好
上午12:02\t\tRui已離開群組
"""
LINE_DESKTOP = """\
2024.05.13 Monday
23:50 Ana Silva hello there
23:51 Rui Photos
23:52 Ana Silva the ferry leaves at nine
from the pier
23:53 Ana Silva bring the red bag
23:54 Rui Lima joined the group.
2024.05.14 Tuesday
00:01 Ana Silva good night
00:02 Ana Silva and thanks
00:03 Rui see you
"""
SHAREGPT: list[Any] = [
    {
        "id": "abc_0",
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "How long does rye rise?"},
            {"from": "gpt", "value": "Twelve hours."},
            {"from": "function_call", "value": "{}"},
            {"from": "gpt", "value": ""},
        ],
    },
    {"id": "abc_1", "conversations": [{"role": "user", "content": "What is a quay?"}], "created_at": "2024-05-13"},
    {"id": "abc_2", "conversations": []},
]
ALPACA: list[Any] = [
    {"instruction": "Translate.", "input": "boat", "output": "barco", "history": [["Hello", "Hello!"]]},
    {"instruction": "Name a harbour.", "input": "", "output": "Porto."},
]
PREFERENCES: list[Any] = [
    {"prompt": "Rye?", "chosen": [{"role": "user", "content": "Rye?"}, {"role": "assistant", "content": "Bread."}]},
    {"prompt": [{"role": "user", "content": "Quay?"}], "chosen": [{"role": "assistant", "content": "A wall."}]},
    {"prompt": "Mast?", "chosen": "A pole.", "rejected": "A fish."},
]
DISCORD_OWN: list[Any] = [
    {"ID": 1240, "Timestamp": "2024-05-13 22:16:30", "Contents": "", "Attachments": "https://cdn.x/a/b/mast.png?ex=1"},
    {"ID": 1239, "Timestamp": "2024-05-13 22:15:30", "Contents": "loose <:mast:123> again", "Attachments": ""},
]
DISCORD_OWN_CSV = (
    "ID,Timestamp,Contents,Attachments\r\n"
    '1239,2020-08-25 22:54:05.726000+00:00,"loose, again\r\ntwo lines",\r\n'
    "1238,2020-08-25 22:53:05+00:00,first,https://cdn.x/a/b/one.png https://cdn.x/a/b/two.png\r\n"
)
CODEX_LINES: list[Any] = [
    {"id": "s1", "timestamp": "2025-06-02T17:17:41.762Z", "instructions": None, "git": {"branch": "main"}},
    {"record_type": "state"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "<environment_context>x"}]},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Fix the mast"}]},
    {"type": "reasoning", "summary": []},
    {"type": "function_call", "name": "shell", "arguments": "{}"},
    {"type": "function_call_output", "output": "ok"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Fixed."}]},
]
CODEX_ITEMS: Any = {
    "session": {"timestamp": "2025-04-20T10:00:00.000Z", "id": "s0", "instructions": ""},
    "items": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Fix the mast"}]},
        {"id": "r", "type": "reasoning", "summary": []},
        {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Fixed."}]},
    ],
}
UNNAMED = '2024-05-13 10:15,Ana,"The kettle is on, come"\r\n2024-05-13 10:16,Rui,ok\r\n2024-05-14 10:17,Ana,tea\r\n'
