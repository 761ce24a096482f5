"""The methods of the compaction benchmark: how each chooses, before any question is known, which turns to keep.

A method gets a conversation and the lines that its turns are shown as, so that all pay the same for a turn. A ranking
is packed as a search is: best first, and a line that does not fit is skipped.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from locomo.rows import MAIN_PROGRAM as MEMORY

if TYPE_CHECKING:
    from locomo.schema import Conversation
    from memoryqa.evidence import Evidence
    from memoryqa.memory import AdaptiveMemory
    from memoryqa.rendering import Line
    from memoryqa.turns import Turn

Keep = Callable[[int], "Evidence"]  # tokens -> what is kept: whole turns, or passages of them
Build = Callable[["Conversation", "AdaptiveMemory"], Keep]  # the memory holds the whole conversation


def keep_in_memory(conversation: Conversation, lines: AdaptiveMemory) -> Keep:
    """Ours: an AdaptiveMemory of that size, to which the turns are added one by one, as the program does it."""
    from memoryqa.memory import AdaptiveMemory

    def keep(budget_tokens: int) -> Evidence:
        memory = AdaptiveMemory(budget_tokens)
        memory.extend(conversation.turns)
        return held_by(memory)

    return keep


def held_by(memory: AdaptiveMemory) -> Evidence:
    """The lines of a working memory: a search of it with room for all finds them in some order."""
    return memory.search("anything", 2 * memory.memory_tokens, scope="working")


def pack_ranking(rank: Callable[[Conversation], Iterable[Turn]]) -> Build:
    """A method that ranks the turns once, best first, for all sizes."""

    def build(conversation: Conversation, lines: AdaptiveMemory) -> Keep:
        ranked = list(rank(conversation))
        return lambda budget_tokens: lines.pack(ranked, budget_tokens)

    return build


def newest_lines(is_kept: Callable[[Line], bool]) -> Build:
    """The newest passages of some kind, before all others."""

    def build(conversation: Conversation, lines: AdaptiveMemory) -> Keep:
        newest = [line for line, _ in reversed(lines.lines()) if line.text]
        ranked = sorted(newest, key=lambda line: not is_kept(line))
        return lambda budget_tokens: lines.pack(ranked, budget_tokens)

    return build


def opens_turn(line: Line) -> bool:
    """The first passage of a turn; a short turn is one."""
    return line.part is None or line.part.number == 0


def is_users(line: Line) -> bool:
    """What a user said to an assistant; between people nothing is."""
    return line.turn.speaker.casefold() == "user"


def newest_first(conversation: Conversation) -> Iterable[Turn]:
    """A sliding window."""
    return reversed(conversation.turns)


def in_random_order(conversation: Conversation) -> Iterable[Turn]:
    """One order for each conversation, the same every time."""
    return random.Random(conversation.id).sample(conversation.turns, len(conversation.turns))


def trim_messages(conversation: Conversation, lines: AdaptiveMemory) -> Keep:
    """langchain-core's `trim_messages` with strategy "last". It counts the lines as all methods do here, but knows no
    sessions: the oldest messages make room for the headers."""
    from langchain_core.messages import BaseMessage, HumanMessage
    from langchain_core.messages import trim_messages as trim

    tokens = {line.turn.id: line.tokens for _, line in lines.lines()}
    turns = {turn.id: turn for turn in conversation.turns}
    messages = [HumanMessage(turn.text, id=turn.id) for turn in conversation.turns]

    def count(some: Sequence[BaseMessage]) -> int:
        return sum(tokens[str(message.id)] for message in some)

    def keep(budget_tokens: int) -> Evidence:
        kept: Any = trim(messages, max_tokens=budget_tokens, token_counter=count, strategy="last")
        return lines.pack([turns[message.id] for message in reversed(kept)], budget_tokens)

    return keep


def rank_with_sumy(summarizer: str, module: str) -> Callable[[Conversation], Iterable[Turn]]:
    """One of sumy's extractive summarizers, with its own English stop words and stemmer. A turn is one sentence to it,
    which is kept whole or not at all. (sumy's own tokenizer would download nltk's data.)"""

    def rank(conversation: Conversation) -> Iterable[Turn]:
        from importlib import import_module

        from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
        from sumy.nlp.stemmers import Stemmer
        from sumy.utils import get_stop_words

        from memoryqa.language.terms import words

        class Words:
            """The part of a tokenizer that sumy calls."""

            def to_words(self, text: str) -> tuple[str, ...]:
                return tuple(words(text))

        turns = {Sentence(f"{turn.text} {turn.caption}", Words()): turn for turn in conversation.turns}
        summarize = getattr(import_module(f"sumy.summarizers.{module}"), summarizer)(Stemmer("english"))
        if hasattr(summarize, "stop_words"):
            summarize.stop_words = get_stop_words("english")
        ranked: list[Turn] = []

        def take_all(infos: Sequence[Any]) -> Sequence[Any]:
            """sumy calls this with all sentences, best first, where a number of sentences is usual."""
            ranked.extend(turns[info.sentence] for info in infos)
            return infos

        summarize(ObjectDocumentModel([Paragraph(list(turns))]), take_all)
        return ranked

    return rank


def rank_with_rlm_code(conversation: Conversation) -> Iterable[Turn]:
    """rlm-code's MemoryCompactor with its defaults and no LM, compacting whenever it is due: the turns whose whole text
    is in what it leaves, the newest first. It has no size in tokens, so a larger size changes nothing."""
    from rlm_code.rlm.memory_compaction import MemoryCompactor
    from rlm_code.rlm.repl_types import REPLHistory

    compactor, history = MemoryCompactor(), REPLHistory()
    for turn in conversation.turns:
        history = history.append(output=f"{turn.speaker}: {turn.text} {turn.caption}")
        if compactor.should_compact(history):
            history = compactor.apply_compaction(history, compactor.compact(history))
    left = "\n".join(f"{entry.reasoning}\n{entry.code}\n{entry.output}" for entry in history.entries)
    return [turn for turn in reversed(conversation.turns) if turn.text in left]


METHODS: Mapping[str, Build] = {
    MEMORY: keep_in_memory,
    "recent turns": pack_ranking(newest_first),
    "random": pack_ranking(in_random_order),
    "user's words, newest first": newest_lines(is_users),
    "first passages, newest first": newest_lines(opens_turn),
    "sumy TextRank": pack_ranking(rank_with_sumy("TextRankSummarizer", "text_rank")),
    "sumy LexRank": pack_ranking(rank_with_sumy("LexRankSummarizer", "lex_rank")),
    "sumy LSA": pack_ranking(rank_with_sumy("LsaSummarizer", "lsa")),
    "sumy SumBasic": pack_ranking(rank_with_sumy("SumBasicSummarizer", "sum_basic")),
    "langchain trim_messages": trim_messages,
    "rlm-code MemoryCompactor": pack_ranking(rank_with_rlm_code),
}
PACKAGES = {
    "sumy": "sumy",
    "langchain": "langchain-core",
    "rlm-code": "rlm-code",
}  # first word of a method -> to install
