"""Questions about a person as a whole: "Who is Ana?", "Tell me about Ana", "Was weißt du über Ana?".

But for the name they have no word that a message could have, so that they are answered by what names the person and by
what that person said.
"""

from __future__ import annotations

import re

from memoryqa.language.folding import fold
from memoryqa.language.lexicon.word_lists import EVENT_WORDS
from memoryqa.language.locales.detection import LETTERS

_ASKING = EVENT_WORDS | frozenset(  # folded; of all languages, since a few words seldom show which one it is
    """
    tell tells told know knows knew known describe describes describing description remind reminder recall summarise
    summarize summary overview profile background info information details facts person people someone somebody
    something anyone anybody anything everything else hear heard give show list new news please
    weiss weisst wissen erzahl erzahle erzahlen sag sage gibt neues alles etwas wer uber
    quien quienes es que sabes sabe sabemos cuenta cuentame dime hablame todo algo sobre de
    qui est sais savez savons parle moi dis raconte quoi tout sur
    quem sabe conta fala diga tudo
    chi sai sapete dimmi parlami raccontami tutto qualcosa su
    wie weet weten vertel alles iets
    """.split()
)
_WHAT_LIKE = re.compile(r"(\bwhat(?:'s| is| was| are| were)\s+)like(\W*)\Z", re.I)  # the name between them is left out


def without_asking(text: str) -> str:
    """A question without its names, without the words that ask about a person as a whole."""
    return LETTERS.sub(_blank_asking, _WHAT_LIKE.sub(r"\1    \2", text))


def _blank_asking(word: re.Match[str]) -> str:
    return " " if fold(word[0]) in _ASKING else word[0]
