"""What WhatsApp writes itself, in the languages that docs/languages.md claims: no such line is somebody's message."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from exports import import_export, write_export

LRM, RLM = "\u200e", "\u200f"

ARABIC = f"""\
{RLM}١٣{RLM}/٥{RLM}/٢٠٢٤، ١٠:١٥ ص - {RLM}الرسائل والمكالمات مشفّرة تمامًا بين الطرفين. اضغط لمعرفة المزيد.
{RLM}١٣{RLM}/٥{RLM}/٢٠٢٤، ١٠:١٥ ص - ليلى: المركب يغادر الساعة التاسعة
{RLM}١٣{RLM}/٥{RLM}/٢٠٢٤، ٩:٠٥ م - سامي: <تم استبعاد الوسائط>
{RLM}١٣{RLM}/٥{RLM}/٢٠٢٤، ٩:٠٦ م - ليلى: تم حذف هذه الرسالة
{RLM}١٤{RLM}/٥{RLM}/٢٠٢٤، ١٢:٠١ ص - سامي: أحضر الحقيبة <تم تعديل هذه الرسالة>
{RLM}١٤{RLM}/٥{RLM}/٢٠٢٤، ١٢:٠٢ ص - ليلى غيّرت رمز الأمان. اضغط لمعرفة المزيد.
"""


def test_an_arabic_export(tmp_path: Path) -> None:
    messages, found = import_export(write_export(tmp_path / "محادثة واتساب مع ليلى.txt", ARABIC))
    assert [(one.speaker, one.text, one.time) for one in messages] == [
        ("ليلى", "المركب يغادر الساعة التاسعة", datetime(2024, 5, 13, 10, 15)),
        ("سامي", "", datetime(2024, 5, 13, 21, 5)),
        ("ليلى", "", datetime(2024, 5, 13, 21, 6)),
        ("سامي", "أحضر الحقيبة", datetime(2024, 5, 14, 0, 1)),
    ]
    assert [(one.attachments != (), one.deleted, one.edited) for one in messages] == [
        (False, False, False), (True, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip
    assert {one.chat for one in messages} == {"ليلى"}
    assert found.report.skipped == {"encryption notice": 1, "group event or notice": 1}


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("call", "Voice call, ‎12 min"),
        ("call", "Missed group video call"),
        ("call", "Verpasster Sprachanruf"),
        ("call", "Llamada perdida"),
        ("call", "Appel vidéo manqué"),
        ("call", "Ligação de voz perdida"),
        ("call", "Chiamata persa"),
        ("call", "Gemiste spraakoproep"),
        ("call", "Пропущенный аудиозвонок"),
        ("call", "Cevapsız sesli arama"),
        ("call", "Nieodebrane połączenie głosowe"),
        ("call", "音声通話不在着信"),
        ("call", "부재중 음성통화"),
        ("call", "未接语音通话"),
        ("call", "未接語音通話"),
        ("call", "مكالمة صوتية فائتة"),
        ("call", "छूटी हुई वॉइस कॉल"),
        ("notice", "Ana turned on disappearing messages."),
        ("notice", "Ana pinned a message"),
        ("notice", "Du hast selbstlöschende Nachrichten aktiviert."),
        ("notice", "Activaste los mensajes temporales."),
        ("notice", "Ana a activé les messages éphémères."),
        ("notice", "Ana ativou as mensagens temporárias."),
        ("notice", "Ana ha attivato i messaggi effimeri."),
        ("notice", "Ana heeft tijdelijke berichten ingeschakeld."),
        ("notice", "Ana включила исчезающие сообщения."),
        ("notice", "Ana süreli mesajları açtı."),
        ("notice", "Ana włączyła znikające wiadomości."),
        ("notice", "消えるメッセージがオンになりました。"),
        ("notice", "사라지는 메시지를 켰습니다."),
        ("notice", "你开启了限时消息。"),
        ("notice", "قامت ليلى بتشغيل الرسائل المؤقتة."),
        ("notice", "डिसअपीयरिंग मैसेज की सुविधा चालू की गई है।"),
        ("notice", "Deine Sicherheitsnummer für Ana hat sich geändert."),
        ("notice", "تغيّر رمز الأمان الخاص بك مع ليلى."),
        ("notice", "Anaのセキュリティコードが変更されました。"),
        ("arrived", "Waiting for this message. This may take a while."),
        ("arrived", "Auf diese Nachricht wird gewartet. Dies kann eine Weile dauern."),
        ("arrived", "Esperando el mensaje. Esto puede tomar tiempo."),
    ],
)
def test_what_ios_reports_is_nobodys_message(reason: str, said: str, tmp_path: Path) -> None:
    chat = f"[31.12.23, 10:00:00] Ana: hello\n[31.12.23, 10:00:01] Ana: {LRM}{said}\n"
    messages, found = import_export(write_export(tmp_path / "_chat.txt", chat), "whatsapp")
    assert [one.text for one in messages] == ["hello"]
    assert [what for what in found.report.skipped if reason in what]


@pytest.mark.parametrize(
    "said",
    [
        "Du hast diese Nachricht gelöscht.",
        "Diese Nachricht wurde von Admin Ines gelöscht.",
        "Usunięto tę wiadomość.",
        "Bu mesajı sildiniz",
        "您删除了这条消息",
        "此訊息已被刪除",
        "삭제된 메시지입니다.",
        "لقد حذفت هذه الرسالة",
        "आपने यह मैसेज डिलीट कर दिया",
        "You deleted this message as admin",
        "Este mensaje fue eliminado por el admin. Ines.",
    ],
)
@pytest.mark.parametrize("mark", ["", LRM])
def test_deletions(mark: str, said: str, tmp_path: Path) -> None:
    (message,), _ = import_export(write_export(tmp_path / "c.txt", f"31.12.23, 10:00 - Ana: {mark}{said}"), "whatsapp")
    assert (message.deleted, message.text) == (True, "")


@pytest.mark.parametrize(
    "said",
    [
        "Diese Nachricht wurde gestern gelöscht, sagt Ines",
        "Waiting for the message of the doctor",
        "null and void",
        "Null",
        "voice call at nine?",
        "Ana turned on disappearing messages.",
        "آسف، حذفت هذه الرسالة بالخطأ",
        "chamada perdida",
    ],
)
def test_what_people_write_like_it_is_kept(said: str, tmp_path: Path) -> None:
    (message,), _ = import_export(write_export(tmp_path / "c.txt", f"31.12.23, 10:00 - Ana: {said}"), "whatsapp")
    assert (message.deleted, message.text) == (False, said)


def test_what_android_cannot_export_is_counted(tmp_path: Path) -> None:
    chat = "31.12.23, 10:00 - Ana: null\n31.12.23, 10:01 - Ana: hello\n31.12.23, 10:02 - Bo: null\n"
    messages, found = import_export(write_export(tmp_path / "c.txt", chat), "whatsapp")
    assert [one.text for one in messages] == ["hello"]
    assert found.report.skipped == {'message that the export has as "null"': 2}


def test_polls_places_and_cards_are_messages(tmp_path: Path) -> None:
    chat = f"""\
[31.12.23, 10:00:00] Ana: {LRM}POLL:
Which day?
{LRM}OPTION: Friday (2 votes)
{LRM}OPTION: Monday (0 votes)
[31.12.23, 10:01:00] Ana: {LRM}Location: https://maps.google.com/?q=38.7,-9.1
[31.12.23, 10:02:00] Ana: {LRM}Contact card omitted
[31.12.23, 10:03:00] Ana: {LRM}View once photo omitted
"""
    messages, _ = import_export(write_export(tmp_path / "_chat.txt", chat), "whatsapp")
    assert [(one.text, one.attachments) for one in messages] == [
        ("POLL:\nWhich day?\nOPTION: Friday (2 votes)\nOPTION: Monday (0 votes)", ()),
        ("Location: https://maps.google.com/?q=38.7,-9.1", ()),
        ("", ("Contact card omitted",)),
        ("", ("View once photo omitted",)),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "WhatsApp Chat with Ana.txt",
        "WhatsApp Chat mit Ana.txt",
        "WhatsApp-chat met Ana.txt",
        "Chat de WhatsApp con Ana.txt",
        "Chat WhatsApp con Ana.txt",
        "Conversa do WhatsApp com Ana.txt",
        "Discussion WhatsApp avec Ana.txt",
        "Чат WhatsApp с контактом Ana.txt",
        "Czat WhatsApp z użytkownikiem Ana.txt",
        "Ana ile WhatsApp Sohbeti.txt",
        "Ana के साथ WhatsApp चैट.txt",
        "AnaとのWhatsAppチャット.txt",
        "Ana님과의 WhatsApp 대화.txt",
        "与Ana的 WhatsApp 聊天.txt",
        "與 Ana 的 WhatsApp 對話.txt",
        "محادثة واتساب مع Ana.txt",
        "WhatsApp Chat - Ana.txt",
    ],
)
def test_a_chat_is_called_as_its_file_says(name: str, tmp_path: Path) -> None:
    (message,), _ = import_export(write_export(tmp_path / name, "31.12.23, 10:00 - Ana: hello"))
    assert message.chat == "Ana"
