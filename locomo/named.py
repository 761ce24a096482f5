"""Data sets that have a name: where each comes from, and where it is kept. locomo/dataset.py finds them.

All are downloaded on first use, checked, and never committed: REALTALK and BEAM state no licence for their data in the
repositories, LoCoMo's forbids commercial use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from locomo.download import LOCOMO10, RemoteFile
from locomo.repository import RemoteFiles

REALTALK = RemoteFiles(
    "https://github.com/danny911kr/REALTALK",
    "b903e06a9770bf4e5fe9018c3e132889666d3b4a",
    "data",
    r"Chat_[0-9]+_.*\.json",
)
"""Ten chats of real people, 728 questions (Lee et al. 2025, arXiv 2502.13270)."""

_BEAM = ("https://github.com/mohammadtavakoli78/BEAM", "b2a3ee8ba12d68f83143dda191097dc3e028ddd3", "chats")
_BEAM_FILES = r"/[0-9]+/(chat|probing_questions/probing_questions)\.json"
BEAM_100K = RemoteFiles(*_BEAM, rf"100K{_BEAM_FILES}")
"""Twenty chats of a user with an assistant, 100,000 tokens each (Tavakoli et al., arXiv 2510.27246)."""

BEAM_500K = RemoteFiles(*_BEAM, rf"500K{_BEAM_FILES}")
"""Thirty-five such chats of 500,000 tokens."""

LONGMEMEVAL_S = RemoteFile(
    "https://huggingface.co/datasets/xiaowu0162/longmemeval-cleaned/resolve/98d7416c24c778c2fee6e6f3006e7a073259d48f/"
    "longmemeval_s_cleaned.json",
    277_383_467,
    "d6f21ea9d60a0d56f34a05b609c79c88a451d2ae03597821ea3d5a9678c3a442",
    total_timeout_sec=3600.0,
)
"""500 questions, each with its own chat of about 115,000 tokens (Wu et al., ICLR 2025; MIT).

Size and digest are those of the file's LFS pointer at this revision, as several public repositories pin them; the file
itself has not been held here. A wrong digest refuses the download: --data PATH reads a file of your own all the same.
"""


@dataclass(frozen=True, slots=True)
class NamedSet:
    """kept_as: the file or folder in data/. variable: the environment variable that names another place.

    conversations: how many there are in all of it.
    """

    remote: RemoteFile | RemoteFiles
    kept_as: str
    variable: str
    conversations: int


NAMED: Mapping[str, NamedSet] = {
    "locomo": NamedSet(LOCOMO10, "locomo10.json", "LOCOMO_PATH", 10),
    "realtalk": NamedSet(REALTALK, "realtalk", "REALTALK_PATH", 10),
    "beam-100k": NamedSet(BEAM_100K, "beam-100k", "BEAM_100K_PATH", 20),
    "beam-500k": NamedSet(BEAM_500K, "beam-500k", "BEAM_500K_PATH", 35),
    "longmemeval-s": NamedSet(LONGMEMEVAL_S, "longmemeval_s_cleaned.json", "LONGMEMEVAL_S_PATH", 500),
}
