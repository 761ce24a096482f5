"""Logs, text exports and pages as the apps write them, for formats that are one text file."""

from __future__ import annotations

WEECHAT = (
    "2024-05-13 10:14:00\t-->\tana (~a@host) has joined #boats\n"
    "2024-05-13 10:15:10\tana\tthe mast is loose\n"
    "2024-05-13 10:15:20\t@rui\tbolts: in the shed\n"
    "2024-05-13 10:15:25\t *\tana thanks rui\n"
    "2024-05-13 10:16:00\t<--\tana (~a@host) has quit (bye)\n"
)
IRSSI = (
    "--- Log opened Mon May 13 22:00:00 2024\n"
    "23:58 -!- ana [~a@host] has joined #boats\n"
    "23:59 <@ana> the mast is loose\n"
    "23:59 < rui> bolts: in the shed\n"
    "--- Day changed Tue May 14 2024\n"
    "00:01 * ana thanks rui\n"
)
ZNC = "[23:59:10] <ana> the mast is loose\n[23:59:30] *** Joins: rui\n[00:01:00] <rui> bolts: in the shed\n"
CLOCKS = "[9:15 PM] Ana: The key is under the mat.\n[9:16 PM] Rui: Found it.\nThank you.\n[12:05 AM] Ana: Good.\n"
MARKDOWN = "**Ana:** The key is under the mat.\n\n**Rui:** Found it.\n\n**Ana:** Good.\n"
IMESSAGE_TEXT = """\
May 13, 2024  9:15:30 PM (Read by you after 5 minutes, 2 seconds)
+351912345678
The ferry leaves at nine
from the pier

May 13, 2024  9:16:30 PM
Me
/Users/ana/Library/Messages/Attachments/ab/ticket.pdf
the tickets
Tapbacks:
    Loved by +351912345678

    May 13, 2024  9:17:00 PM
    +351912345678
    great

May 13, 2024  9:17:00 PM
+351912345678
This message responded to an earlier message.
great

May 13, 2024  9:18:00 PM Me named the conversation Ferry

May 13, 2024  9:19:00 PM
Me
at ten
Edited 2 seconds later: at nine
"""
GEMINI_HTML = (
    "<html><head><title>My Activity History</title><style>.mdl-grid {" + "a: b;" * 9000 + "}</style></head><body>"
    '<div class="mdl-grid">'
    '<div class="outer-cell mdl-cell"><div class="mdl-grid"><div class="header-cell mdl-cell"><p '
    'class="mdl-typography--title">Gemini Apps<br></p></div><div class="content-cell mdl-typography--body-1">Prompted'
    "\u00a0How long does rye rise?<br>May 14, 2024, 10:15:30\u202fPM CEST<br><p>Twelve <b>hours</b>.</p><p>Longer when "
    'cold.</p></div><div class="content-cell mdl-typography--body-1 mdl-typography--text-right"></div></div></div>'
    '<div class="outer-cell"><div class="header-cell"><p class="mdl-typography--title">Gemini Apps<br></p></div>'
    '<div class="content-cell mdl-typography--body-1">Gesendeter Prompt: Was ist ein Kai?<br>13.05.2024, 09:05:00 MESZ'
    "<br><p>Eine Mauer am Ufer.</p></div></div>"
    '<div class="outer-cell mdl-cell"><div class="header-cell"><p class="mdl-typography--title">Search<br></p></div>'
    '<div class="content-cell mdl-typography--body-1">Searched for boats<br>May 13, 2024, 9:05:00 AM CEST</div></div>'
    "</div></body></html>"
)
