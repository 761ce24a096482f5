"""What WhatsApp writes in place of a message, by language: deleted, edited, left out, attached, events.

The strings are WhatsApp's own interface texts, as the public parser https://github.com/starkdmi/whats_json collects
them (lib/src/patterns.dart, from Localizable.strings and strings.xml). Where their grammar varies, only a stem is kept.
"""

from __future__ import annotations

import re

# In place of an attachment: "<Media omitted>" (Android), "image omitted" (iOS).
OMITTED = re.compile(
    "omitted|omitid|omess|omis|omès|ausgeschlossen|weggelassen|ausgelassen|weggelaten|weggelaat|ocult|"
    "não revelad|absent|manquant|mancante|esclus|non incluso|retiré|отсутству|пропущен|без медиа|без файл|"
    "відсутн|не додано|не добавлен|παραλείφθ|παραλήφθ|εξαίρεση|vynech|pominię|uteslu|utelämna|utelat|udelad|"
    "sløyfet|ikke inkludert|uten vedlegg|tidak disertakan|tidak dimasukkan|disingkirkan|dahil edilmedi|atlanm|"
    "kihagy|hiányzó|izostavlj|izpuščen|생략|제외됨|含まれていません|省略|略去|忽略|bỏ qua|đã bỏ|ไม่มี|ถูกลบ|"
    "ละเว้น|なし|제외한|未包含|"
    "ei kuvaa|ei sisällyt|jätet|حذف شد|استبعاد|لم يتم إدراج|تم حذف|نظر ?انداز|نکال دی|הושמט|हटाई|छोड़|वगळ|"
    "के बिना|বাদ দেওয়া|પડતી|અવગણા",
    re.IGNORECASE,
)
_ATTACHED = (
    "file attached|datei angehängt|archivo adjunto|archivo adjuntado|fichier joint|arquivo anexado|"
    "ficheiro anexado|file allegato|bestand bijgevoegd|файл добавлен|файл додано|dosya ekli|załączony plik|"
    "soubor byl přiložen|súbor pripojený|fil vedhæftet|bifogad fil|vedlagt fil|liitetiedosto|fájl csatolva|"
    "fișier atașat|прикачен файл|συνημμένο αρχείο|file terlampir|fail dilampirkan|tệp đính kèm|添付ファイル有り|"
    "文件附件|附件檔案|파일 첨부됨|קובץ מצורף|الملف مرفق|फाइल संलग्न|फाइल अटैच कर दी गई है|ไฟล์ที่แนบ"
)
ATTACHED = frozenset(word.strip() for word in _ATTACHED.split("|"))

_DELETED = (
    "esta mensagem foi eliminada|eliminou esta mensagem|mensagem eliminada|"
    "this message was deleted|you deleted this message|diese nachricht wurde gelöscht|"
    "du hast diese nachricht gelöscht|se eliminó este mensaje|este mensaje fue eliminado|eliminaste este mensaje|"
    "ce message a été supprimé|vous avez supprimé ce message|mensagem apagada|esta mensagem foi apagada|"
    "essa mensagem foi apagada|você apagou esta mensagem|apagou esta mensagem|você apagou essa mensagem|"
    "questo messaggio è stato eliminato|hai eliminato questo messaggio|dit bericht is verwijderd|"
    "u hebt dit bericht verwijderd|je hebt dit bericht verwijderd|данное сообщение удалено|"
    "это сообщение было удалено|вы удалили данное сообщение|вы удалили это сообщение|"
    "це повідомлення було видалено|ви видалили це повідомлення|bu mesaj silindi|bu mesajı sildiniz|"
    "ta wiadomość została usunięta|usunąłeś(-ęłaś) tę wiadomość|tato zpráva byla smazána|"
    "tato zpráva byla odstraněna|tuto zprávu jste smazal/a|táto správa bola odstránená|"
    "túto správu ste odstránili|denne besked er blevet slettet|denne besked blev slettet|"
    "du har slettet denne besked|detta meddelande raderades|det här meddelandet raderades|"
    "du raderade detta meddelande|denne meldingen ble slettet|du slettet denne meldingen|tämä viesti poistettiin|"
    "poistit tämän viestin|ez az üzenet törlésre került|törölted ezt az üzenetet|acest mesaj a fost șters|"
    "ați șters acest mesaj|съобщението беше изтрито|изтрихте това съобщение|αυτό το μήνυμα διαγράφηκε|"
    "διαγράψατε αυτό το μήνυμα|ova je poruka izbrisana|izbrisali ste ovu poruku|aquest missatge s'ha suprimit|"
    "has suprimit aquest missatge|pesan ini telah dihapus|pesan ini dihapus|anda menghapus pesan ini|"
    "anda telah menghapus pesan ini|mesej ini telah dipadam|anda telah memadamkan mesej ini|"
    "tin nhắn này đã bị xóa|tin nhắn này đã bị xoá|bạn đã xóa tin nhắn này|このメッセージは削除されました|"
    "このメッセージを削除しました|此訊息已刪除|您已刪除此訊息|这条消息已被删除|信息已删除|您已删除这条消息|"
    "이 메시지는 삭제되었습니다|삭제된 메시지입니다|삭제한 메시지입니다|이 메시지를 삭제했습니다|הודעה זו נמחקה|"
    "מחקת הודעה זו|מחקת את ההודעה הזו|تم حذف هذه الرسالة|لقد حذفت هذه الرسالة|أنت حذفت هذه الرسالة|"
    "این پیام حذف شد|این پیام حذف شده است|شما این پیام را حذف کردید|यह मैसेज डिलीट कर दिया गया है|"
    "यह संदेश मिटाया गया|आपने यह मैसेज डिलीट किया|ข้อความนี้ถูกลบแล้ว|คุณลบข้อความนี้|"
    "आपने यह मैसेज डिलीट कर दिया|इस मैसेज को डिलीट कर दिया गया|您删除了这条消息|你删除了这条消息|你刪除了此訊息|"
    "您刪除了此訊息|此訊息已被刪除|此消息已删除|你已刪除此訊息|تم حذف الرسالة|حذفت هذه الرسالة|حذفتَ هذه الرسالة|"
    "usunięto tę wiadomość|usunąłeś tę wiadomość|usunęłaś tę wiadomość|tu as supprimé ce message|bu mesajı sildin|"
    "sie haben diese nachricht gelöscht|has eliminado este mensaje|apagaste esta mensagem|"
    "あなたはこのメッセージを削除しました|회원님이 삭제한 메시지입니다|this message has been deleted|"
    "you deleted this message for everyone"
)
DELETED = frozenset(" ".join(sentence.split()) for sentence in _DELETED.split("|"))
_ADMIN = "admin|админ|yönetici|管理员|管理員|管理者|관리자|مشرف|एडमिन|beheerder|amministratore"
DELETED_BY_ADMIN = re.compile(
    r"this message was deleted by (?:an )?admin\b.*|you deleted this message as admin|"
    rf"(?=.*(?:{_ADMIN}))(?:diese nachricht wurde .*gelöscht|(?:se eliminó )?este mensaje .*|"
    r"ce message a été supprimé .*|(?:esta|essa) mensagem foi (?:apagada|eliminada) .*|"
    r"questo messaggio è stato eliminato .*|dit bericht is .*verwijderd.*|(?:данное|это) сообщение .*удал.*|"
    r"bu mesaj.* silindi|(?:ta|tę) wiadomość .*usun.*|このメッセージは.*削除されました|"
    r"(?:此[訊消]息|这条消息|這則訊息).*(?:删除|刪除).*|이 메시지.*삭제.*|(?:لقد |تم )?حذف.* هذه الرسالة.*|"
    r"यह मैसेज.*डिलीट.*)",
    re.IGNORECASE,
)
_BEGINNINGS = (
    "this|you|diese|se el|este|ce me|esta|essa|questo|dit b|данное|это|bu me|ta wi|tę wi|この|此訊息|此消息|这条消息|"
    "這則訊息|이 메|لقد|تم ح|حذف|यह "
)
DELETED_BEGINNINGS = frozenset(_BEGINNINGS.split("|"))  # of DELETED_BY_ADMIN

# Inside of <...> at the end of an edited message.
EDITED = re.compile(
    "edited|editad|editó|editat|bearbeitet|modifi|bewerkt|измен|отредакт|редаг|düzenlendi|編集|编辑|編輯|수정|"
    "edytow|upraven|redig|muokat|szerkeszt|diedit|تعديل|ویرایش|संपादित|एडिट|επεξεργ|chỉnh sửa|แก้ไข|נערכ",
    re.IGNORECASE,
)

MORNING = frozenset(
    word.strip()
    for word in "am|a.m|a. m|a m|πμ|π.μ|vorm|fm|dop|dopoledne|de|öö|ص|ق.ظ|上午|早上|清晨|凌晨|午前|오전|sa|pg|पूर्वाह्न|"
    "e paradites|म.पू|முற்பகல்|ಪೂರ್ವಾಹ್ನ|قبل دوپہر|صبح|ጥዋት|priešpiet|priekšpusdienā|vm|f.h|дп|ү.ө|පෙ.ව|ព្រឹក|ກ່ອນທ່ຽງ|"
    "pre podne|пре подне|prijepodne|претпл|ap|"
    "ก่อนเที่ยง|д.п|in the morning|\u05dc\u05e4\u05e0\u05d4\u05f4\u05e6".split("|")
)
EVENING = frozenset(
    word.strip()
    for word in "pm|p.m|p. m|p m|μμ|μ.μ|nachm|em|odp|odpoledne|du|ös|م|ب.ظ|下午|晚上|中午|午後|오후|ch|ptg|अपराह्न|"
    "e pasdites|म.उ|பிற்பகல்|ಅಪರಾಹ್ನ|بعد دوپہر|شام|ከሰዓት|popiet|pēcpusdienā|nm|e.h|пп|ү.х|ප.ව|ល្ងាច|ຫຼັງທ່ຽງ|"
    "po podne|по подне|popodne|попл|ip|pop|"
    "หลังเที่ยง|н.п|in the afternoon|in the evening|in the night|\u05d0\u05d7\u05d4\u05f4\u05e6".split("|")
)
NEUTRAL = frozenset(
    "|uhr|klo|kl|um|at|à|às|a las|ч|г|h|στις|ore|o".split("|")
)  # between a date and a time, or after it
