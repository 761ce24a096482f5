"""Questions whose only word is a plain verb: "What does Tom like?" is answered by "I love chess".

The verb says little or is a stop word, so that words that answer it are asked for, too.
"""

from __future__ import annotations

import re

from memoryqa.language.terms import term_of

_ANSWERS = {
    "like": "love enjoy favorite favourite prefer fan adore",
    "want": "wish hope dream",
    "need": "require must",
    "have": "get buy own",
    "own": "get buy have",
    "get": "receive buy gift",
    "use": "using switch",
    "make": "cook bake build create",
    "seeing": "date girlfriend boyfriend partner",
    "do": "work job",
}
_ASKED = re.compile(
    r"\W*(?:what|who|which)(?: else| all)?(?:'s| (?:does|do|did|would|is|are|was|has))(?: [\w'-]+){1,3}"
    r" (?P<verb>like|want|need|have|own|get|use|make|seeing|do)\W*",
    re.I,
)
_DID = re.compile(r"\bdid\b", re.I)
_WHAT_LIKE = re.compile(r"\W*what(?:'s| is| are| was)\b.* like\W*", re.I)


def answering_terms(question: str) -> list[str]:
    """Terms that answer a question with no word but a plain verb; none for other questions."""
    asked = _ASKED.fullmatch(question)
    if asked is None or (asked["verb"].lower() == "do" and _DID.search(question)) or _WHAT_LIKE.fullmatch(question):
        return []  # "what did she do?" asks for events, not for her work; "what is she like?" for all that she is
    words = _ANSWERS[asked["verb"].lower()].split()
    return [term for word in words if (term := term_of(word))]
