"""What every importer yields, and how a message is compared with one that was imported before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ME = "me"  # `author` of the export's owner, where the export does not name them


@dataclass(slots=True, unsafe_hash=True)
class Message:
    """One message of an export. `AdaptiveMemory.add` and `extend` take it.

    Nothing changes it once it was handed out; `frozen` would make it four times as slow to create.

    time: in the export's own zone, without a zone where the export states none; None where it is unknown.
    id: the same in every export of the same chat, so that a newer export adds only what is new.
    reply_to: the id of the message that this one answers, else "". attachments: names of files, or what they are.
    deleted: the export says that it was deleted; its text is then "". edited: the text is not the first one.
    author: the export's own id of the person, "" where names are all it has. chat: the name of the conversation.
    chat_id: the app's own id of the conversation, the same in every export, "" where its name is all there is.
    local: what of the id stays when the conversation or its file is renamed; "" where the whole id stays.
    """

    speaker: str
    text: str
    time: datetime | None = None
    id: str = ""
    reply_to: str = ""
    attachments: tuple[str, ...] = ()
    edited: bool = False
    deleted: bool = False
    author: str = ""
    chat: str = ""
    chat_id: str = ""
    local: str = ""

    def turn_fields(self) -> Mapping[str, Any]:
        """The fields of the turn that it becomes. Attachments are the caption."""
        fields: dict[str, Any] = {"speaker": self.speaker, "text": self.text, "time": self.time}
        if self.attachments:
            fields["caption"] = ", ".join(self.attachments)
        return fields


def fingerprint(message: Message) -> str:
    """A digest of what an edit or a deletion changes: text, attachments, deleted."""
    parts = (message.text, *message.attachments, str(message.deleted))
    return digest(*parts)


def digest(*parts: str) -> str:
    """16 hexadecimal digits that differ when the parts do."""
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=8).hexdigest()
