"""Short forms of English words, as people type them: "Lena bday", "wifi pw"."""

from __future__ import annotations

from functools import lru_cache

from memoryqa.language.terms import term_of

_FORMS = """
    account: acct
    address: addr
    apartment: apt
    appointment: appt
    birthday: bday dob
    certificate: cert
    christmas: xmas
    department: dept
    favorite: fav fave
    favourite: fav fave
    information: info
    laboratory: lab
    medication: meds
    message: msg
    password: pw pwd passwd
    phone: tel
    photo: pic pix
    picture: pic pix
    prescription: rx
    registration: reg
    statistics: stats
    temperature: temp
    television: tv telly
    university: uni
    veterinarian: vet
    veterinary: vet
"""


@lru_cache(maxsize=1)
def _pairs() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for line in _FORMS.strip().split("\n"):
        word, _, shorts = line.partition(":")
        long = term_of(word.strip())
        for short in map(term_of, shorts.split()):
            if long and short and long != short:
                found.setdefault(long, {})[short] = None
                found.setdefault(short, {})[long] = None
    return {term: tuple(others) for term, others in found.items()}


def other_forms(term: str) -> tuple[str, ...]:
    """The terms of a word's short forms, or of the words that a short form is for."""
    return _pairs().get(term, ())
