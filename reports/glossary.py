"""What the words on the pages mean. A page's headings link to its entries; every entry has an address of its own."""

from __future__ import annotations

from collections.abc import Collection
from html import escape

from reports.records import RIGHT_F1

# slug -> title, meaning
_ENTRIES = {
    "f1": (
        "Token F1",
        "How far the words of an answer are those of the gold answer, 0 to 100%: the harmonic mean of "
        f"precision and recall over word stems, LoCoMo's official score. Here an answer with {RIGHT_F1:.0%} or "
        "more is called right.",
    ),
    "categories": (
        "Categories 1-4, all categories",
        "The kinds of questions, each data set's own. LoCoMo asks five: multi-hop (1, facts of several sessions), "
        "temporal (2, when), open-domain (3, general knowledge besides), single-hop (4, one fact) and adversarial (5). "
        "Published scores mostly leave out the fifth.",
    ),
    "adversarial": (
        "Adversarial",
        "The conversation does not say what is asked: LoCoMo's category 5, abstention elsewhere. Right is an answer "
        "that says so.",
    ),
    "recall": (
        "Evidence recall",
        "The share of a question's gold turns (those that its answer is in) that were in the context sent to "
        "the LM. It needs no LM and says how good the search is. Only questions that name gold turns count.",
    ),
    "all-evidence": (
        "All-evidence rate",
        "The share of questions whose gold turns were all in the context. One missing turn counts as a miss.",
    ),
    "lenient": (
        "Judge lenient",
        "An LM that grants credit for touching on the topic, in questions that have an answer.",
    ),
    "strict": (
        "Judge strict",
        "An LM that asks for every fact of the gold answer, in questions that have one.",
    ),
    "abstention": (
        "Judge abstention",
        "An LM that says whether an answer declines to answer, which is right where the conversation does not "
        "say what is asked, and wrong elsewhere.",
    ),
    "controls": (
        "Judge controls",
        "Answers of which it is known whether they are right, shown to a judge to see how far to trust it.",
    ),
    "context-tokens": (
        "Context tokens",
        "Tokens (o200k_base) of the conversation's lines sent with one question.",
    ),
    "memory-tokens": (
        "Memory tokens",
        "The most tokens that the memory held at any time; its limit is 20,000 unless set otherwise.",
    ),
    "lm-calls": (
        "LM calls",
        "Calls of a language model per question, cached ones included.",
    ),
    "latency": (
        "Latency p50, p95",
        "Seconds per question: half of the questions took at most p50, 95% of them at most p95. Failed and "
        "cached ones do not count.",
    ),
    "interval": (
        "95% interval",
        "Where the score would lie with other conversations of the same kind, by a bootstrap over "
        "conversations. It needs five; with fewer there is none. Two programs are compared by the interval of "
        "their difference, not by whether theirs overlap.",
    ),
    "p": (
        "p",
        "The sign test over questions: how often chance alone would make the questions on which two programs "
        "differ at least so one-sided. It takes questions for independent, which those of one conversation "
        "are not, so it is too sure: the interval counts.",
    ),
    "trouble": (
        "Failed, with problems",
        "A failed question has no answer and counts as wrong. One with problems has an answer, though a step "
        "went wrong on the way.",
    ),
    "programs": (
        "simple, memory, full-context",
        "simple sends the latest turns that fit, memory what its search ranks highest, full-context the whole "
        "conversation. Other names are programs of your own.",
    ),
    "n": (
        "n",
        "The number of questions that a figure is over.",
    ),
}


def term(slug: str, text: str) -> str:
    """`text` as a link to its entry, as HTML."""
    if slug not in _ENTRIES:
        raise KeyError(slug)
    return f'<a class="term" href="#term-{slug}">{escape(text)}</a>'


def glossary(slugs: Collection[str] = tuple(_ENTRIES)) -> str:
    """The entries as a section of a page, as HTML."""
    entries = "".join(
        f'<div id="term-{slug}"><dt>{escape(title)}</dt><dd>{escape(meaning)}</dd></div>'
        for slug, (title, meaning) in _ENTRIES.items()
        if slug in slugs
    )
    return f'<h2 id="glossary">Glossary</h2><dl class="glossary">{entries}</dl>'
