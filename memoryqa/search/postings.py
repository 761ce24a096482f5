"""The index that the ranking reads: terms, lengths, speakers and dates of passages. Adding takes constant time.

A block is an unbroken run of passages of one session; the ranking's windows do not cross its edges. A chunk is `CHUNK`
consecutive passages, of any blocks: the ranking bounds and scores whole chunks. Passages, blocks and chunks are
numbered from 0. A short turn is one passage.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from memoryqa.arrays import Flags, Floats, Ints
from memoryqa.language.filler import Replies
from memoryqa.language.lexicon.alike import Alike
from memoryqa.language.locales.detection import note_language
from memoryqa.language.names import name_words, speaker_key
from memoryqa.language.terms import idf, terms, within_term
from memoryqa.rendering import Line
from memoryqa.search.bounds.chunks import CHUNK, CHUNK_BITS, REACH, WIDTH, Chunks, Edges, Room
from memoryqa.search.bounds.kept import ChunkBounds, KeptBounds
from memoryqa.search.bounds.occurrences import Sought
from memoryqa.search.date_match import note_day
from memoryqa.search.passage_reading import Heard, Reading, kept_code, read
from memoryqa.search.windows import Windows
from memoryqa.turns import MONTHS, Turn

_ALONE = array("f", [0.0] * REACH + [1.0] + [0.0] * REACH)
_OFTEN = 1024  # occurrences of a term, from which on it takes long to count them
_MOST_KEPT = 64  # terms whose counts are kept
_LONG_TURN_TOKENS = 100  # longer turns hold every word once, and are handicapped for it
_MOST_DOUBLINGS = 5.0  # from 3,200 tokens on: a pasted book stays within reach, and on the scale of other scores
_LEAD_SHARE = 0.5  # ... their first passage, which says what they are about, less so


class IndexedPassages:
    """Columns of passages and of blocks, and the postings of terms, to which the owner appends; patching.py changes
    those of one turn. Not thread-safe."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._edges = Edges(windows)
        self._chunks = Chunks()
        self._places = Room()
        self._kept_bounds = KeptBounds()
        # terms that are said often, the ones last asked for: how often, and what `count_in_blocks` gave then
        self._kept_counts: dict[str, tuple[int, Floats, int]] = {}
        self._blocks_of_chunks: tuple[int, Ints, Ints] | None = None  # for a number of passages
        self.speakers: dict[str, int] = {}  # speaker, as first spelled -> number, in order of appearance
        self._speaker_numbers: dict[str, int] = {}  # the same for all spellings: by `speaker_key`
        self._spellings: set[str] = set()  # of all speakers
        self._name_words: frozenset[str] = frozenset()  # of their names
        self.years: set[int] = set()
        self.date_words: set[str] = set()  # terms by which the dates of the blocks may be named
        # term (of tags: `tag_term`) -> passages, once per occurrence; a term that occurs once has an int, not an array
        self._postings: dict[str, array[int] | int] = {}
        self._repeated: dict[str, int] = {}  # term -> how many of its occurrences follow another in their passage
        self._recent: list[tuple[int, int, int]] = []  # of the block's last passages: turn, tokens, terms
        self._shares = array("f")  # by passage: what its terms count in the `WIDTH` passages around it and in itself
        self._turns = 0
        self._turn = array("i")  # by passage: the number of its turn, from 1
        self._lengths = array("i")  # ... of its terms
        self._windowed_lengths = array("d")
        self._token_starts = array("q", [0])  # tokens before each passage, and before the next one
        self._doublings = array("d")  # how often the turn is twice `_LONG_TURN_TOKENS` long, 0 for short ones
        self._code_share = array("f")
        self._block = array("i")
        self._speaker = array("i")
        self._flags = array("b")
        self._block_start = array("i")
        self._block_day = array("i")  # the first and the last day on which something was said in the block
        self._block_last_day = array("i")
        self._block_length = array("d")
        self.languages: dict[str, int] = {}  # in Latin letters: code -> number of messages
        self._mean = 0, 1e-9  # of so many passages, what `_mean_length` gave
        self._heard_in = array("B")  # by turn: its language; see `kept_code`
        self._days = array("i")  # by turn: the day on which it was said, as an ordinal, or -1
        self.version = 0  # another one after passages were changed
        self._previous: Turn | None = None
        self._replies = Replies()

    def __len__(self) -> int:
        return len(self._block)

    def __contains__(self, term: object) -> bool:
        return term in self._postings

    def says(self, term: str) -> bool:
        """Whether the term was said, alone or inside of a word."""
        return term in self._postings or within_term(term) in self._postings

    # -- adding --------------------------------------------------------------------------------------------------------

    def extend(self, added: Sequence[tuple[Turn, Sequence[Line]]]) -> None:
        """Index the passages of the next turns, given with their lines, in less time than one by one."""
        heard = [self._hear(turn) for turn, _ in added]
        readings = read([(line, one) for (_, lines), one in zip(added, heard, strict=True) for line in lines])
        place = 0
        for (turn, lines), one in zip(added, heard, strict=True):
            self._put(turn, lines, one, readings[place : place + len(lines)])
            place += len(lines)

    def _hear(self, turn: Turn) -> Heard:
        """What reading the next turn takes, besides its lines."""
        opens = self._previous is None or self._previous.session != turn.session
        self._previous = turn
        replies = self._replies.note(turn)
        counted = sum(self.languages.values())
        code = note_language(turn.text, self.languages)
        self._heard_in.append(kept_code(code, sum(self.languages.values()) > counted))
        return Heard(turn, self._number_of_speaker(turn.speaker), self._name_words, opens, replies, code)

    def _put(self, turn: Turn, lines: Sequence[Line], heard: Heard, readings: Sequence[Reading]) -> None:
        if heard.opens:
            self._open_block()
        self._days.append(turn.time.toordinal() if turn.time else -1)
        if turn.time and note_day(self._block_day, self._block_last_day, self._days[-1]):
            self._name_day(turn.time)
        self._turns += 1
        doublings = math.log2(max(sum(line.tokens for line in lines), 1) / _LONG_TURN_TOKENS)
        doublings = min(max(0.0, doublings), _MOST_DOUBLINGS)
        tags = heard.tag_terms()
        for line, reading in zip(lines, readings, strict=True):
            number, length = len(self), len(reading.terms)
            self._post(reading.terms, number)
            if reading.beside:
                self._post(reading.beside, number)
            if tags:
                self._post(tags, number)
            self._block_length[-1] += length
            self._block.append(len(self._block_start) - 1)
            self._doublings.append(doublings if line.part and line.part.number else _LEAD_SHARE * doublings)
            self._code_share.append(reading.code_share)
            self._speaker.append(heard.speaker)
            self._flags.append(reading.flags)
            self._spread(line.tokens, length)

    def _name_day(self, day: date) -> None:
        """Note by what a question may name a day."""
        self.years.add(day.year)
        self.date_words.update(terms(f"{MONTHS[day.month - 1]} {day.year}"), (str(day.day),))

    def _number_of_speaker(self, speaker: str) -> int:
        """The number of `speaker`, the same for all spellings of the name."""
        if speaker not in self._spellings:
            self._spellings.add(speaker)
            self._name_words |= name_words([speaker])
        number = self._speaker_numbers.setdefault(speaker_key(speaker), len(self._speaker_numbers))
        if number == len(self.speakers):
            self.speakers[speaker] = number
        return number

    def _open_block(self) -> None:
        self._recent.clear()
        self._block_start.append(len(self))
        self._block_day.append(-1)
        self._block_last_day.append(-1)
        self._block_length.append(0.0)

    def _post(self, found: Iterable[str], passage: int) -> None:
        """Add occurrences of terms. Half of all terms occur once; an int instead of an array saves memory."""
        postings, repeated = self._postings, self._repeated
        for term in found:
            known = postings.get(term)
            if known is None:
                postings[sys.intern(term)] = passage
                continue
            if isinstance(known, int):
                known = postings[term] = array("i", (known,))
            if known[-1] == passage:
                repeated[term] = repeated.get(term, 0) + 1
            known.append(passage)

    def _spread(self, tokens: int, length: int) -> None:
        """Note what the last passage lends to those around it and inherits from them, and spread the lengths so."""
        before, after, decays = self._windows.before, self._windows.after, self._windows.decays
        shares, lengths, far = self._shares, self._windowed_lengths, len(decays)
        windowed = float(length)
        between, own = 0, len(shares) + REACH
        shares.extend(_ALONE)
        for distance, (other, other_tokens, other_length) in enumerate(reversed(self._recent), 1):
            if between >= far:
                break
            if other != self._turns:
                if between + other_tokens < far:
                    inherited = before * decays[between + other_tokens]
                    shares[own - distance * WIDTH + distance] = inherited
                    windowed += inherited * other_length
                if between + tokens < far:
                    lent = after * decays[between + tokens]
                    shares[own - distance] = lent
                    lengths[-distance] += lent * length
            between += other_tokens
        self._windowed_lengths.append(windowed)
        self._turn.append(self._turns)
        self._lengths.append(length)
        self._token_starts.append(self._token_starts[-1] + tokens)
        self._recent.append((self._turns, tokens, length))
        del self._recent[:-REACH]

    # -- passages ------------------------------------------------------------------------------------------------------

    def idf(self, *one_of: str) -> float:
        """Inverse document frequency of the terms taken as one; a passage that holds two of them is counted twice."""
        held = sum(map(self.held, one_of))
        return idf(min(held, len(self)), len(self))

    def terms_like(self, like: Alike) -> Iterator[str]:
        """The indexed terms that are alike, in an order that does not depend on when they were said first."""
        return iter(sorted(like.among(self._postings)))

    def seek(self, matches: Sequence[tuple[Sequence[str], Sequence[float]]]) -> Sought:
        """Where the terms of matches occur (all of them indexed), each given with what an occurrence of each term
        counts; 1 each when that is empty."""
        return Sought(matches, self._postings)

    def changed(self) -> None:
        """Forget what was kept for searches, after passages were changed."""
        self.version += 1
        self._kept_bounds = KeptBounds()
        self._kept_counts.clear()
        self._blocks_of_chunks = None

    def count_in_blocks(self, term: str) -> tuple[Floats, int]:
        """Number of occurrences of a term in each block, not to be changed; how many blocks have any."""
        run = self._postings[term]
        if isinstance(run, int):
            found, known, counts, held = np.array((run,), dtype=np.int32), 0, np.zeros(0), 0
        else:
            known, counts, held = self._kept_counts.pop(term, (0, np.zeros(0), 0))
            found = np.array(run[known:], dtype=np.int32)
        if len(found) or len(counts) < self.num_blocks:
            more = np.bincount(self.block_of(found), minlength=self.num_blocks).astype(np.float64)
            more[: len(counts)] += counts
            counts, held = more, int(np.count_nonzero(more))
        if known + len(found) >= _OFTEN:
            self._kept_counts[term] = known + len(found), counts, held
            if len(self._kept_counts) > _MOST_KEPT:
                del self._kept_counts[next(iter(self._kept_counts))]
        return counts, held

    def held(self, term: str) -> int:
        """The number of passages that contain the term."""
        known = self._postings.get(term)
        if known is None or isinstance(known, int):
            return int(known is not None)
        return len(known) - self._repeated.get(term, 0)

    def said_by(self, speakers: Iterable[str], passages: Ints) -> Flags:
        """Which of `passages` one of `speakers` said."""
        is_one = np.zeros(len(self.speakers), dtype=np.bool_)
        is_one[[self.speakers[name] for name in speakers]] = True
        return is_one[np.frombuffer(self._speaker, dtype=np.int32)[passages]]

    def block_of(self, passages: Ints | npt.NDArray[np.int32]) -> Ints:
        """The block of each passage."""
        return np.frombuffer(self._block, dtype=np.int32)[passages].astype(np.int64)

    def flags_of(self, passages: Ints) -> npt.NDArray[np.int8]:
        """The flags of each passage together."""
        return np.frombuffer(self._flags, dtype=np.int8)[passages]

    def relative_lengths(self, passages: Ints) -> Floats:
        """Windowed length of each passage over the mean of all passages."""
        return np.frombuffer(self._windowed_lengths)[passages] / self._mean_length()

    def doublings(self, passages: Ints) -> Floats:
        """How often each passage's turn doubles the length of a short one; less for its first passage."""
        return np.frombuffer(self._doublings)[passages]

    def tokens(self, passages: Ints) -> Ints:
        """Tokens of each passage's line."""
        starts = np.frombuffer(self._token_starts, dtype=np.int64)
        return starts[passages + 1] - starts[passages]

    def code_share(self, passages: Ints) -> Floats:
        """Share of code signs in each passage, 0 to 1."""
        return np.frombuffer(self._code_share, dtype=np.float32)[passages].astype(np.float64)

    def _mean_length(self) -> float:
        """The sum is that of the whole column: it does not depend on the order in which passages came."""
        known, mean = self._mean
        if known != len(self):
            mean = max(float(np.frombuffer(self._windowed_lengths).sum()) / max(len(self), 1), 1e-9)
            self._mean = len(self), mean
        return mean

    # -- blocks --------------------------------------------------------------------------------------------------------

    @property
    def num_blocks(self) -> int:
        return len(self._block_start)

    @property
    def block_days(self) -> tuple[Ints, Ints]:
        """The first and the last day of each block as ordinals; -1 where they are unknown."""
        return _ints(self._block_day), _ints(self._block_last_day)

    def relative_block_lengths(self) -> Floats:
        """Number of terms of each block over the mean of all blocks."""
        lengths = np.frombuffer(self._block_length).copy()
        return lengths / max(float(lengths.mean()), 1e-9)

    def block_extents(self, blocks: Ints) -> tuple[Ints, Ints]:
        """The first passage of each block, and the first passage after the block."""
        edges = np.append(_ints(self._block_start), len(self))
        return edges[blocks], edges[blocks + 1]

    # -- chunks --------------------------------------------------------------------------------------------------------

    @property
    def num_chunks(self) -> int:
        return (len(self) + CHUNK - 1) // CHUNK

    def passages_of(self, chunks: Ints) -> Ints:
        """The passages of `chunks` (ascending), in order."""
        if len(chunks) == self.num_chunks:  # all
            return np.arange(len(self))
        passages = (chunks[:, None] * CHUNK + np.arange(CHUNK)).ravel()
        return passages[: np.searchsorted(passages, len(self))]

    def windowed(self, sought: Sought, passages: Ints, numbers: Sequence[int] | None = None) -> Floats:
        """Windowed frequencies of each match, or of those at `numbers`, in `passages` (ascending).

        Returns an array of shape (matches, len(passages)).
        """
        num_matches = len(sought) if numbers is None else len(numbers)
        found = sought.find(numbers, None if len(passages) == len(self) else self._reaching(passages))
        width = len(passages) + 1  # the first place is for what is lent to other passages, or to none
        places = self._places.of(len(self) + 2 * REACH)
        try:
            places[passages + REACH] = np.arange(1, width)
            lent_to = places.take(found.passages[:, None] + np.arange(WIDTH), mode="clip")
        finally:  # whoever interrupts this searches again
            places[passages + REACH] = 0
        lent_to += (found.matches * width)[:, None]
        shares: npt.NDArray[Any] = (
            np.frombuffer(self._shares, dtype=np.float32).reshape(-1, WIDTH).take(found.passages, axis=0)
        )
        if found.counts is not None:
            shares = shares * found.counts[:, None]
        counts = np.bincount(lent_to.ravel(), shares.ravel(), minlength=num_matches * width)
        return counts.astype(np.float64, copy=False).reshape(num_matches, width)[:, 1:]

    def _reaching(self, passages: Ints) -> Flags:
        """The chunks from which something may reach `passages`."""
        near = np.zeros(self.num_chunks + 2, dtype=np.bool_)
        chunks = passages >> CHUNK_BITS
        for distance in range(3):
            near[chunks + distance] = True
        return near[1:-1]

    def bound_windowed(self, sought: Sought, number: int) -> ChunkBounds:
        """Upper bounds of the windowed frequency of one match in the passages of each chunk; not to be changed."""
        edges = self._edges.update(self._token_starts, self._block)
        return self._kept_bounds.bound(sought, number, edges, len(self))

    def relative_chunk_lengths(self) -> Floats:
        """The smallest relative length of each chunk's passages."""
        return self._chunks.shortest(self._windowed_lengths) / self._mean_length()

    def largest_in_chunks(self, per_block: Floats) -> Floats:
        """For each chunk the largest of `per_block` over the blocks of its passages."""
        if self._blocks_of_chunks is None or self._blocks_of_chunks[0] != len(self):
            blocks = np.frombuffer(self._block, dtype=np.int32).astype(np.intp)
            last = np.append(blocks[CHUNK - 1 :: CHUNK], blocks[-1])[: self.num_chunks]
            self._blocks_of_chunks = len(self), blocks[::CHUNK].copy(), last
        _, first, last = self._blocks_of_chunks
        return np.maximum(np.maximum.reduceat(per_block, first), per_block[last])

    def chunk_flags(self) -> npt.NDArray[np.int8]:
        """For each chunk the flags of all its passages together."""
        return self._chunks.flags(self._flags)

    def chunks_of(self, speaker: str) -> Ints:
        """The chunks in which `speaker` has a turn."""
        return self._chunks.of_speaker(self.speakers[speaker], self._speaker)


def _ints(numbers: array[int]) -> Ints:
    """A copy as int64. A view would keep the array from growing."""
    return np.frombuffer(numbers, dtype=np.int32).astype(np.int64)
