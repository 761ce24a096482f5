"""What WhatsApp itself reports in a chat, by language: encryption, calls, groups, timers, codes.

Interface texts as the public parsers named in words.py collect them; where their grammar varies, only a stem is kept.
iOS marks such lines, and Android writes them without a speaker, so that a stem need not be unlike what people write.
"""

from __future__ import annotations

import re

# The notice at the top of every chat.
ENCRYPTED = re.compile(
    "encrypt|cifrad|verschlüssel|chiffr|criptogra|crittogra|versleutel|шифр|şifre|暗号|加密|암호|تشفير|مشفر|"
    "رمزگذاری|krypt|szyfr|zaszyfr|titkos|salat|šifr|criptat|xifra|encripta|mã hóa|เข้ารหัส|एन्क्रि|מוצפנ|"
    "κρυπτογρ|enkrips|disulitkan",
    re.IGNORECASE,
)
CALL = re.compile(
    "missed (?:group )?(?:voice |video )?call|(?:group |silenced )?(?:voice|video) call|"
    "(?:verpasster |gruppen-?)?(?:sprach|video|gruppen)anruf|(?:video)?llamada|appel (?:vocal|vidéo|de groupe|manqué)|"
    "(?:video)?chiamata|(?:vídeo)?(?:chamada|ligação)|(?:gemiste? )?(?:spraak|video|groeps)(?:oproep|gesprek)|"
    "(?:пропущенный |групповой )?(?:аудио|видео)?звонок|(?:пропущений )?(?:аудіо|відео)дзвінок|"
    "(?:cevapsız )?(?:sesli|görüntülü|grup) (?:arama|görüşme)|cevapsız|(?:nieodebrane )?połączenie (?:głos|wideo|grup)|"
    "nieodebrane poł|zmeškaný (?:video)?hovor|missat (?:röst|video)samtal|ubesvaret|tapt (?:tale|video)|"
    "vastaamaton|nem fogadott|不在着信|(?:音声|ビデオ)通話|グループ通話|未接|(?:语音|視訊|视频|語音)通[话話]|부재중|"
    "(?:음성|영상) ?통화|부재 중|그룹 통화|שיחה קולית שלא|مكالمة|(?:मिस्ड |छूटी |ग्रुप )*(?:हुई )?(?:वॉइस|वॉयस|वीडियो) कॉल|"
    "मिस्ड|panggilan .*(?:tak terjawab|terlepas)|cuộc gọi nhỡ",
    re.IGNORECASE,
)
# A message that had not reached the phone that exports.
WAITING = re.compile(
    "waiting for this message|auf diese nachricht wird gewartet|esperando (?:el|este) mensaje|en attente de ce message|"
    "aguardando (?:esta )?mensagem|a aguardar (?:esta|pela) mensagem|in attesa (?:del|di questo) messaggio|"
    "wachten op (?:dit|het) bericht|ожидание (?:этого )?сообщения|bu mesaj bekleniyor|oczekiwanie na tę wiadomość|"
    "このメッセージを待機|正在等待(?:此|这|這)|이 메시지를 기다리|(?:في |ب)?انتظار (?:هذه )?الرسالة|इस मैसेज का इंतज़ार",
    re.IGNORECASE,
)
_BEGINNINGS = (
    "waiting|auf diese|esperando|en attente|aguardando|a aguardar|in attesa|wachten|ожидание|bu mesaj|oczekiwanie|"
    "このメッセージ|正在等待|이 메시지|في انتظار|بانتظار|انتظار|इस मैसेज"
)
WAITING_BEGINNINGS = frozenset(_BEGINNINGS.split("|"))
_GROUPS = (
    r"\b(?:created (?:this )?group|created this community|added (?:you|this group)|joined using|left\.?$|"
    r"changed (?:the|this group|their|to)|removed you|was added|you're now an admin|no longer an admin|"
    r"turned (?:on|off)|"
    r"pinned a message|is a contact|blocked this contact|business account|uses a secure service|"
    r"hat (?:die|dich|den|diese) .*(?:erstellt|geändert|hinzugefügt|entfernt)|hinzugefügt|beigetreten|"
    r"gruppe verlassen|angeheftet|fixiert|creó (?:el|este) grupo|te añadió|añadió a|agregó a|cambió (?:el|la|tu|su)|"
    r"salió del grupo|se unió|fijó un mensaje|a créé (?:le|ce) groupe|vous a ajouté|a ajouté|a quitté|a changé|"
    r"a épinglé|criou (?:o|este) grupo|adicionou|saiu do grupo|entrou usando|mudou (?:o|a|para)|fixou uma|"
    r"ha creato (?:il|questo) gruppo|ti ha aggiunto|ha aggiunto|ha abbandonato|ha cambiato|ha fissato|"
    r"heeft (?:je|deze|de|een) .*(?:toegevoegd|gewijzigd|gemaakt|aangemaakt|vastgemaakt|vastgezet)|"
    r"heeft de groep verlaten|создал|добавил|покинул|изменил|вышел|вышла|закрепил|присоедин|utworzył|dodał|opuścił|"
    r"zmienił|dołączył|przypiął|przypięł|oluşturdu|ekledi|ayrıldı|katıldı|değiştirdi|çıkardı|sabitledi)"
)
_GROUPS_WITHOUT_BORDERS = (
    "创建了|建立了|加入了|添加了|退出了|离开了|移除了|更改了|變更了|置顶了|置頂了|釘選了|作成しました|追加しました|退出しました|"
    "参加しました|変更しました|削除しました|ピン留め|固定しました|만들었습니다|추가했습니다|초대했습니다|나갔습니다|"
    "참여했습니다|변경했습니다|고정했습니다|"
    "أنشأ|أضاف|غادر|انضم|غيّر|غيَّر|تمت إضاف|ثبّت|ग्रुप बनाया|को जोड़ा|ग्रुप छोड़|पिन किया|बदल दिया|बदला"
)
_TIMERS = (
    "disappearing message|message timer|keep.{0,20}messages|selbstlöschende|nachrichten-?timer|mensajes temporales|"
    "mensajes que desaparecen|temporizador de|duración de los mensajes|messages éphémères|durée des messages|"
    "minuterie des|mensagens temporárias|temporizador das|duração das mensagens|messaggi effimeri|messaggi temporanei|"
    "timer dei messaggi|tijdelijke berichten|zelfverwijderende|berichten-?timer|исчезающ|таймер|süreli mesaj|"
    "kaybolan mesaj|mesaj süresi|znikając|消えるメッセージ|メッセージタイマー|限时消息|阅后即焚|限時訊息|自動銷毀|"
    "消息计时|訊息計時|사라지는 메시지|메시지 타이머|الرسائل ذاتية|الرسائل المؤقتة|مؤقت الرسائل|डिसअपीयरिंग|गायब होने वाले"
)
_CODES = (
    "security code|sicherheitsnummer|sicherheitscode|código de seguridad|code de sécurité|código de segurança|"
    "codice di sicurezza|beveiligingscode|код безопасности|güvenlik kod|kod zabezpieczeń|kod bezpieczeństwa|"
    "セキュリティコード|安全码|安全碼|安全代码|보안 ?코드|رمز الأمان|رمز الحماية|सुरक्षा कोड|सिक्योरिटी कोड"
)
EVENT = re.compile("|".join((_GROUPS, _GROUPS_WITHOUT_BORDERS, _TIMERS, _CODES)), re.IGNORECASE)


_HARAKAT = re.compile("[\u064b-\u0652]")  # signs that Arabic may leave out


def event_of(said: str) -> str:
    """What kind of event a line of WhatsApp's own reports, "" when it is not known to be one."""
    if ENCRYPTED.search(_HARAKAT.sub("", said if "WhatsApp" in said else said[:80])):
        return "encryption notice"
    if CALL.match(said):
        return "call"
    if WAITING.match(said):
        return "message that had not arrived"
    return "group event or notice" if EVENT.search(said) else ""
