"""What LINE writes in place of a message, by language."""

from __future__ import annotations

import re

_WHO = r"(.{1,80}?)"
UNSENT = re.compile(
    rf"(?:{_WHO}が)?メッセージの送信を取り消しました。?|(?:You|{_WHO}) unsent a message\.?|Message unsent\.?|"
    rf"(?:您|你|{_WHO}) ?(?:已收回訊息|撤回了一[条條][消訊]息|已撤回消息)。?|{_WHO}님이 메시지 전송을 취소했습니다\.?|"
    rf"메시지 전송을 취소했습니다\.?|{_WHO} ?ยกเลิกข้อความ"
)
UNSENT_MARKS = ("取り消し", "unsent", "收回", "撤回", "취소", "ยกเลิก")  # one is in each of these
CALLS = re.compile("☎|(?:Missed|Canceled|Cancelled) call|Call time \\d|不在着信|通話時間 ?\\d|未接來電|通話を")
_EVENT = re.compile(
    r".{1,80}(?: joined the (?:group|chat)| left the (?:group|chat)| changed the .{3,60}| made an announcement|"
    r" (?:added|invited) .{1,200} to the (?:group|chat)| created the group| has joined|"
    r" removed .{1,80} from the group).?|"
    r".{1,80}(?:がグループに参加しました|が(?:グループを)?退会しました|が退出しました|が参加しました|"
    r"が.{1,80}を(?:グループに)?(?:招待|追加)しました|がアナウンスしました|が(?:アルバム|グループ).{0,60}しました)。?|"
    r".{1,80}(?:已加入群組|已離開群組|已加入该群|已退群|已新增.{1,80}至群組|已設定公告)。?|"
    r".{1,80}님이 .{0,80}(?:초대했습니다|나갔습니다|참여했습니다|들어왔습니다)\.?"
)
_KINDS = (
    "写真|画像|動画|スタンプ|ボイスメッセージ|ファイル|連絡先|位置情報|ノート|アルバム|投票|ギフト|"
    "Photo|Video|Sticker|Voice message|File|Contact|Location|Notes?|Album|Poll|Gift|"
    "照片|影片|貼圖|語音訊息|檔案|位置訊息|位置|記事本|相簿|聯絡資訊|视频|贴图|语音信息|文件|记事本|"
    "사진|동영상|스티커|음성메시지|파일|위치|연락처|"
    "รูป|รูปภาพ|ภาพ|วิดีโอ|สติกเกอร์|ข้อความเสียง|ไฟล์|ตำแหน่งที่ตั้ง"
)
_BRACKETED = re.compile(rf"\[(?P<what>{_KINDS})\](?: (?P<name>[^\n]{{1,200}}))?")
_BARE = frozenset("Photos Videos Stickers Audio スタンプ 写真 画像 動画 ファイル 貼圖 圖片 影片".split())


def is_event(said: str) -> bool:
    """Whether the app reports who came, went, or changed the group."""
    return _EVENT.fullmatch(said) is not None


def content_of(said: str) -> tuple[str, tuple[str, ...]]:
    """Text, and attachments."""
    match = _BRACKETED.fullmatch(said) if said.startswith("[") else None
    if match:
        return "", (match["name"] or match["what"],)
    return ("", (said,)) if said in _BARE else (said, ())
