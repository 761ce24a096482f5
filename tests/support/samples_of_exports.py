"""A small export of each format that is a single file, for tests of what all formats share."""

from __future__ import annotations

_WHATSAPP = """\
31/12/2023, 21:05 - Messages and calls are end-to-end encrypted.
31/12/2023, 21:06 - Ana: The kettle is on.
Two lines
31/12/2023, 21:07 - Rui: <Media omitted>
01/01/2024, 00:01 - Ana: IMG-20240101-WA0003.jpg (file attached)
01/01/2024, 00:02 - Rui: This message was deleted
01/01/2024, 00:02 - Rui: Gate four <This message was edited>
"""
_WHATSAPP_IOS = """\
\u200e[12/31/23, 9:05:33\u202fPM] Ana: \u200eMessages and calls are end-to-end encrypted.
[12/31/23, 9:06:34\u202fPM] Ana: The kettle is on.
\u200e[12/31/23, 9:06:35\u202fPM] Rui: \u200eimage omitted
\u200e[12/31/23, 9:06:36\u202fPM] Rui: look \u200e<attached: 00000012-PHOTO-2023-12-31-21-06-36.jpg>
"""

# name -> format, name of the file, content
SAMPLES: dict[str, tuple[str, str, bytes]] = {
    "whatsapp": ("whatsapp", "WhatsApp Chat with Ana.txt", _WHATSAPP.encode()),
    "whatsapp-ios": ("whatsapp", "_chat.txt", _WHATSAPP_IOS.encode()),
}
