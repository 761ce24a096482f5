"""What is known by its shape and seldom called by its name: links, mail addresses, phone numbers, IBANs.

"The plumber is Jo, 0151 555 0172" answers "the plumber's phone?", and "https://..." answers "what was the link?".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from memoryqa.language.folding import fold, normalise
from memoryqa.language.locales.detection import LETTERS
from memoryqa.language.phone_numbers import national_numbers

LINK, MAIL, PHONE, IBAN = "@link", "@mail", "@phone", "@iban"  # the terms under which a passage that has one is indexed

_LINK = re.compile(r"(?:https?://|\bwww\.)[^\s/]", re.I)
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.\w")
IBAN_PATTERN = re.compile(r"\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_MAY_HAVE = re.compile(r"://|www\.|WWW\.|@|\d\d[ ./)-]*\d\d")

_WORDS: Mapping[str, str] = {  # folded, of the languages that are read
    LINK: "link links url urls website websites webpage homepage lien liens enlace enlaces ligacao webseite",
    MAIL: "mail email emails correo courriel mailadresse emailadresse",
    PHONE: "phone telephone mobile cellphone landline tel telefon telefonnummer handynummer nummer telefono telefone "
    "celular movil cellulare portable telefoon telefoonnummer",
    IBAN: "iban account konto kontonummer bankverbindung rekening conto cuenta compte conta",
}
_SHAPES = {word: shape for shape, words in _WORDS.items() for word in words.split()}
_NUMBER_OF_SOMEBODY = re.compile(r"(?:\b(?:his|her|their|your|my|new)|'s|\w{3}s) number\b")


def shapes_in(text: str) -> Iterator[str]:
    """The terms of what `text` has, each once."""
    if not _MAY_HAVE.search(text):
        return
    if _LINK.search(text):
        yield LINK
    if "@" in text and _MAIL.search(text):
        yield MAIL
    if next(national_numbers(normalise(text)), None):
        yield PHONE
    if IBAN_PATTERN.search(text):
        yield IBAN


def shapes_asked(question: str) -> list[str]:
    """The terms of what a question (normalised) asks for."""
    lower = question.lower()
    words = LETTERS.findall(lower if lower.isascii() else fold(lower))
    found = dict.fromkeys(_SHAPES[word] for word in words if word in _SHAPES)
    if "number" in words and _NUMBER_OF_SOMEBODY.search(lower):
        found[PHONE] = None
    return list(found)
