"""What a query is matched by: its terms, as tags and as written, synonyms, instances of classes, related words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from memoryqa.config import RankingConfig
from memoryqa.language.lexicon.alike import alike
from memoryqa.language.lexicon.emoji_kinds import kinds_in
from memoryqa.language.lexicon.kinds import kinds
from memoryqa.language.lexicon.locale_synonyms import synonyms_in
from memoryqa.language.lexicon.related import english_rarity, related
from memoryqa.language.locales.detection import ENGLISH
from memoryqa.language.locales.files import UNSPACED
from memoryqa.language.names import name_words
from memoryqa.language.near_spellings import may_be_misspelled, near_spellings
from memoryqa.language.question import Query
from memoryqa.language.terms import instances, within_term
from memoryqa.search.passage_reading import tag_term, written_term
from memoryqa.search.postings import IndexedPassages

_FEW_TERMS = 3  # of a question, which related words help most
_SAID_OFTEN = 200  # in so many passages; a word of which there are more needs no related ones
_IN_CHAT, _IN_ENGLISH = 0.8, 0.5  # exponents of how rare a word is in the conversation and in English
_AS_WRITTEN = 0.5  # what an occurrence counts more whose marks are those of the question
_WITHIN = 0.3  # an occurrence in a word that is written together, as "user" in "getUserName"
_NAMING = ("name", "nicknam")  # terms by which an answer says how something is called
_ALIKE = 0.5  # what an occurrence of a word alike counts
_PER_WORD = 3  # terms of a word of two signs: both, and the pair
_MOST_NEAR = 12  # related words that are looked for per term
_LEAST_SIMILARITY = 0.45  # of the table of related words


@dataclass(frozen=True, slots=True)
class Match:
    """Indexed terms that count as one: they add `weight` times their saturated frequency to a score."""

    terms: tuple[str, ...]
    weight: float
    shares: tuple[float, ...] = ()  # what an occurrence of each term counts; 1 each when not given


def find_matches(query: Query, index: IndexedPassages, config: RankingConfig) -> list[Match]:
    """Matches for the query's own terms (in words and in tags), their synonyms, and instances of classes."""
    tagged = [term for term in query.terms if config.tag_weight and tag_term(term) in index]
    # words of a date count as matchable: the larger the date's part of the question, the larger its weight
    matchable = sum(
        index.idf(term) for term in query.terms if term in index or term in tagged or term in index.date_words
    )
    everything = sum(index.idf(term) for term in query.terms)
    # idf among the words said: a class that nobody names ("hobby") is rare, even when it is a frequent tag
    matches = [Match((tag_term(term),), config.tag_weight * index.idf(term) / matchable) for term in tagged]
    seen = set(query.terms)
    per_word = _PER_WORD if query.language in UNSPACED else 1
    in_english = query.terms if query.language == ENGLISH else ()  # the tables are English
    for other in dict.fromkeys(other for term in query.terms for other in synonyms_in(term, query.language)):
        if other in index and other not in seen:
            matches.append(Match((other,), config.synonym_weight * per_word * index.idf(other) / everything))
            seen.add(other)
    for term in in_english:
        members = tuple(one for one in instances(term) if one in index and one not in seen)
        if members:
            rarity = min(index.idf(term), index.idf(*members))
            matches.append(Match(members, config.instance_weight * rarity / everything))
            seen.update(members)
    is_english = query.language == ENGLISH
    near = _near(in_english, seen, index, config.related_weight) if is_english else _alike(query, seen, index)
    written: dict[str, dict[str, float]] = {}
    for term, word in query.marked:
        if written_term(word) in index:
            written.setdefault(term, {})[written_term(word)] = _AS_WRITTEN
    for term, other in query.others:
        if other in index:
            written.setdefault(term, {})[other] = 1.0
    for term in query.terms:  # the words of a long question explain each other
        if within_term(term) in index and (term not in index or len(query.terms) <= _FEW_TERMS):
            written.setdefault(term, {})[within_term(term)] = _WITHIN if term in index else 1.0
    idfs = _idfs(query, index)
    for term in query.terms:
        others = written.get(term, {}) | near.get(term, {})
        if term in index:
            weight = idfs[term] / matchable
            matches.append(Match((term, *others), weight, (1.0, *others.values())))
        elif others:
            rarity = min(index.idf(term), index.idf(*others))
            matches.append(Match(tuple(others), rarity / everything, tuple(others.values())))
    answers = (*(_NAMING if query.asks_name else ()), *query.answers)
    naming = tuple(term for term in answers if term in index and term not in seen)
    if naming:  # less than a word of the question: the answer may just say the name
        rarity = index.idf(*naming)
        matches.append(Match(naming, rarity / (everything + rarity)))
        seen.update(naming)
    # what the lists written by hand and the words used alike leave, for the same weight as theirs
    taken = {term for match in matches for term in match.terms} | seen
    for term in query.terms:
        of_term = kinds(term) if is_english else kinds_in(term, query.language)
        members = tuple(one for one in of_term if one in index and one not in taken)
        if members:
            rarity = per_word * min(index.idf(term), index.idf(*members))
            matches.append(Match(members, config.instance_weight * rarity / everything))
            taken.update(members)
    return matches


def _idfs(query: Query, index: IndexedPassages) -> dict[str, float]:
    """The idf of each term of the query that was said; of English ones together as large, but more of it for words that
    are rare in English too. A short conversation alone takes "kind" and "besides" for rare words.
    """
    idfs = {term: index.idf(term) for term in query.terms if term in index}
    if query.language != ENGLISH or not idfs:
        return idfs
    both = {term: one**_IN_CHAT * english_rarity(term) ** _IN_ENGLISH for term, one in idfs.items()}
    scale = sum(idfs.values()) / sum(both.values())
    return {term: scale * one for term, one in both.items()}


def as_spoken(query: Query, index: IndexedPassages) -> Query:
    """`query` with each term that was not said replaced by what its word is in a language in which it was said, or by
    the term that was said most among those it may be misspelled from."""
    others: dict[str, str] = {}
    for term, other in query.others:
        if term not in index and other in index:
            others.setdefault(term, other)
    for term in query.terms if query.language == ENGLISH else ():
        if term not in others and not index.says(term) and may_be_misspelled(term):
            said = {other for other in near_spellings(term) if other in index}
            if said := said - name_words(index.speakers):  # who is called so seldom says it
                others[term] = min(said, key=lambda other: (-index.held(other), other))
    if not others:
        return query
    terms = tuple(dict.fromkeys(others.get(term, term) for term in query.terms))
    return replace(query, terms=terms, others=tuple((others.get(term, term), other) for term, other in query.others))


def _alike(query: Query, seen: Collection[str], index: IndexedPassages) -> dict[str, dict[str, float]]:
    """For each term the indexed terms that begin as it does, or end in it, as forms and compounds of one word do."""
    found: dict[str, dict[str, float]] = {}
    for term in query.terms:
        like = alike(term, query.language)
        for other in index.terms_like(like) if like else ():
            if other != term and other not in seen and index.held(other) <= _SAID_OFTEN:
                found.setdefault(term, {})[other] = _ALIKE
    return found


def _near(
    query_terms: Sequence[str], seen: Collection[str], index: IndexedPassages, weight: float
) -> dict[str, dict[str, float]]:
    """For each term of the query the indexed terms used like it, and what an occurrence of them counts.

    A term that was said needs them less, and less again in a long question, whose words explain each other. One
    that was said often needs none, and is none for others: a history of years has enough to look through.
    """
    if not weight:
        return {}
    said = weight * min(1.0, _FEW_TERMS / max(len(query_terms), 1))
    best: dict[str, tuple[float, str]] = {}
    for term in query_terms:
        if index.held(term) > _SAID_OFTEN:
            continue
        most = said if term in index else weight
        indexed = (one for one in related(term) if 0 < index.held(one[0]) <= _SAID_OFTEN and one[0] not in seen)
        for other, similarity in islice(indexed, _MOST_NEAR):
            share = most * (similarity - _LEAST_SIMILARITY + 0.1) / (1 - _LEAST_SIMILARITY + 0.1)
            if share > best.get(other, (0.0, ""))[0]:
                best[other] = share, term
    near: dict[str, dict[str, float]] = {}
    for other, (share, term) in best.items():
        near.setdefault(term, {})[other] = share
    return near
