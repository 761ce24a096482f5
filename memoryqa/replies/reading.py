"""Reads what an LM sent: its thoughts are cut off, nothing stays nothing, and a reply that was cut says so.

Standard library only. memoryqa/lms/endpoint.py makes a `Reply` of every completion; memoryqa/replies/adapter.py parses
it.
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from dataclasses import dataclass

# why replies end, as servers put it: at the token limit, by a filter, by a failure of the server
CUT = frozenset(
    "length max_tokens max_output_tokens model_length incomplete token_limit model_context_window_exceeded".split()
)
_FILTERED = frozenset(
    "content_filter content-filter content_filtered guardrail_intervened safety recitation blocklist spii sensitive "
    "prohibited_content refusal".split()
)
BROKEN = frozenset(("error", "abort", "aborted", "cancelled", "network_error", "insufficient_system_resource"))
_NAMES = (
    r"(?:[\w-]+:)?(?:think|(?:ant[_-]?)?thinking(?:[_-]process)?|thoughts?(?:[_-]process)?|rationale|reasoning|reflect|reflection|scratch[_-]?pad|analysis|inner[_-]?monologue"
    r"|internal[_-]?thoughts?|chain[_-]?of[_-]?thought|cot)"
)
# opening and closing marks of a model's thoughts, pair by pair
_PAIRS = (
    (rf"<{_NAMES}(?:\s[^<>]*)?>", rf"</{_NAMES}\s*>"),
    (r"<details\s+type=\"reasoning\"[^<>]*>", r"</details\s*>"),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"<\|(?:begin_of_thought|START_THINKING|thought_start)\|>", r"<\|(?:end_of_thought|END_THINKING|thought_end)\|>"),
    (r"◁think▷", r"◁/think▷"),
    (rf"<[|｜]{_NAMES}[|｜]>", rf"<[|｜]/{_NAMES}[|｜]>"),
    (rf"&lt;{_NAMES}&gt;", rf"&lt;/{_NAMES}&gt;"),
    (r"<unused94>", r"<unused95>"),
    (r"<\|channel>\s*thought\b", r"<channel\|>"),
    (r"<\|channel\|>\s*(?:analysis|commentary)\b[^<]*<\|message\|>", r"<\|(?:end|return)\|>"),
)
_MARKS = [(re.compile(opening, re.I), re.compile(closing, re.I)) for opening, closing in _PAIRS]
# what stands for marks where a server leaves the special tokens out, or the model writes Markdown
_WITHOUT_MARKS = re.compile(
    r"\A\s*(?:(?:assistant)?(?:analysis|commentary).*?assistantfinal(?:json)?"
    rf"|```{_NAMES}[ \t]*\n.*?\n```[ \t]*(?:\n|\Z))\s*",
    re.S,
)
# models that were trained to think between marks put what they say between marks too
_WRAPPED = re.compile(r"<(answer|final[_-]?answer|final|output|response|summary)>((?:(?!</?\1>).)*)</\1>", re.I | re.S)
_SOLUTION = re.compile(r"<\|(?:begin_of_solution|START_RESPONSE)\|>|<\|(?:end_of_solution|END_RESPONSE)\|>", re.I)
_FINAL_CHANNEL = re.compile(r"(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*final\b[^<]*<\|message\|>", re.I)
_END_OF_CHANNEL = re.compile(r"<\|(?:end|return)\|>\s*\Z", re.I)
_MIN_COMPARED_TOKENS = 800  # below, the words around a chat's messages make a difference between tokenizers
_FEWEST_PART = 0.5  # a tokenizer that needs half of o200k's tokens for the same text does not exist
_SMALLEST_WINDOW = 512
_CLOSE_TO_WINDOW = 2


@dataclass(frozen=True, slots=True)
class Reply:
    """One completion. `text`: without thoughts; "" for nothing.

    finish_reason: as the server gave it; None when it gave none. prompt_tokens, completion_tokens: the server's counts,
    what is billed and not shown included; None where it reported none. counted_tokens: the prompt as we count it
    (o200k_base). max_tokens: the limit of the call. from_cache: no server was asked. is_in_question: it may be a
    thought in which a stop sequence ended it. instead: what the server sent in place of a text. no_completion: what it
    said when it sent none, as an error with status 200; None for a completion. unread_counts: names of the
    server's counts that are no numbers, so that they are unknown.
    """

    text: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    counted_tokens: int = 0
    max_tokens: int | None = None
    from_cache: bool = False
    is_in_question: bool = False
    instead: str | None = None
    no_completion: str | None = None
    unread_counts: tuple[str, ...] = ()

    @property
    def is_filtered(self) -> bool:
        """Whether the provider's filter ended it, so that a text may miss its end."""
        return (self.finish_reason or "").lower() in _FILTERED

    @property
    def is_broken(self) -> bool:
        """Whether the server failed while it wrote."""
        return (self.finish_reason or "").lower() in BROKEN

    @property
    def ending(self) -> str | None:
        """What ended it before its end; None for a whole reply."""
        if self.is_cut:
            limit = f"at its {self.max_tokens:,} tokens" if self.max_tokens else "at the token limit"
            return f"was cut {limit}; raise `max_tokens`"
        return "was ended by the provider's content filter" if self.is_filtered else None

    @property
    def emptiness(self) -> str | None:
        """Why it has no text; None when it has one."""
        if self.text:
            return None
        if self.is_filtered:
            return "the provider's content filter withheld the reply"
        return self.instead or "the reply is empty"

    @property
    def is_cut(self) -> bool:
        """Whether the token limit ended it; a server that gives no reason has reached the limit when it counts so."""
        if self.finish_reason is not None:
            return self.finish_reason.lower() in CUT
        return bool(self.max_tokens and self.completion_tokens and self.completion_tokens >= self.max_tokens)

    @property
    def prompt_loss(self) -> str | None:
        """How much of the prompt was read, when that was not all."""
        if not self.is_prompt_cut:
            return None
        return f"the server read {self.prompt_tokens or 0:,} tokens of a prompt of about {self.counted_tokens:,}"

    @property
    def is_prompt_cut(self) -> bool:
        """Whether the server read less of the prompt than was sent, as Ollama does beyond its window, without a word.

        Such a server counts exactly as many tokens as its window has, or far fewer than there are.
        """
        read, sent = self.prompt_tokens, self.counted_tokens
        if read is None or sent < _MIN_COMPARED_TOKENS or read <= 0:
            return False
        return read < _FEWEST_PART * sent or (_is_window(read) and sent > read + _CLOSE_TO_WINDOW)


_last: ContextVar[Reply | None] = ContextVar("last reply", default=None)


def set_last_reply(reply: Reply | None) -> None:
    """Note the reply of the call that is made in this thread or task; None before a call."""
    _last.set(reply)


def last_reply() -> Reply | None:
    """The reply that this thread or task received last; None when its LM is not one of memoryqa/lms/roles.py."""
    return _last.get()


def without_thoughts(text: str) -> str:
    """`text` without what the model thought aloud before or between its answer.

    A closing mark without an opening one ends thoughts that the chat template opened; an opening mark at the beginning
    of a line without a closing one means that the reply was cut in the middle of a thought.
    """
    if final := _last_match(_FINAL_CHANNEL, text):
        return _END_OF_CHANNEL.sub("", text[final.end() :]).strip()
    for opening, closing in _MARKS:
        text = _without_blocks(text, opening, closing)
    text = _SOLUTION.sub("", _WITHOUT_MARKS.sub("", text)).strip()
    wrapped = _WRAPPED.fullmatch(text)
    return wrapped[2].strip() if wrapped else text


def without_nulls(value: object) -> object:
    """JSON as read, with "" for null where text is meant: nothing is not the word None."""
    if value is None:
        return ""
    if isinstance(value, list):
        return [one for one in value if one is not None]
    return value


def json_object(text: str) -> dict[str, object] | None:
    """The object that is all of `text`, in a fence or not; None when it is none."""
    bare = re.sub(r"\A\s*```\w*\s*|\s*```\s*\Z", "", text).strip()
    try:
        found = json.loads(bare)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _without_blocks(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """`text` without the blocks, which may be nested. A mark is read once: models repeat one to the end."""
    begins = [(found.start(), found.end()) for found in opening.finditer(text)]
    ends = [(found.start(), found.end()) for found in closing.finditer(text)]
    kept, place, begun, ended = list[str](), 0, 0, 0
    while ended < len(ends):
        if begun == len(begins) or begins[begun][0] > ends[ended][0]:  # the template has opened it
            kept, place = [], ends[ended][1]
            ended += 1
            continue
        kept.append(text[place : begins[begun][0]])
        depth, place = 1, begins[begun][1]
        begun += 1
        while depth and ended < len(ends):
            if begun < len(begins) and begins[begun][0] < ends[ended][0]:
                depth, place = depth + 1, begins[begun][1]
                begun += 1
            else:
                depth, place = depth - 1, ends[ended][1]
                ended += 1
    rest = text[place:]
    if begun < len(begins) and not text[place : begins[begun][0]].rpartition("\n")[2].strip():
        rest = text[place : begins[begun][0]]
    return "".join(kept) + rest


def _last_match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for match in pattern.finditer(text):
        found = match
    return found


def _is_window(tokens: int) -> bool:
    """Whether `tokens` is the size of a usual window, or a little below: a power of two or three quarters of one."""
    for window in (2**power * part // 4 for power in range(9, 21) for part in (3, 4)):
        if window >= _SMALLEST_WINDOW and window - _CLOSE_TO_WINDOW <= tokens <= window:
            return True
    return False
