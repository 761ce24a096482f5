"""How an LM is held to a form: a stop at DSPy's end mark, and JSON of a schema where its server enforces one.

A server may refuse either, or ignore it. Then one line says so, and the LM is asked without it from there on.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from typing import Any, Literal

from memoryqa.redaction import redact
from memoryqa.replies.reading import Reply, without_thoughts
from memoryqa.terminal import harmless

END_MARK = "[[ ## completed ## ]]"
FORMAT, STOP = "response_format", "stop"
_FIELD_MARK = "[[ ##"
_HIDDEN_TOKENS = 64  # of a reply that shows nothing: more were thoughts
_MAX_SHOWN_CHARS = 200
_REFUSED = {
    FORMAT: re.compile(r"response_?format|json[_ ]?(?:schema|object|mode)|\bschema\b|grammar|structured|guided", re.I),
    STOP: re.compile(r"\bstop(?:[_ ]?(?:sequence|word|string|token)s?)?\b", re.I),
}
_WITHOUT = {
    FORMAT: "replies are held to their form by the prompt alone",
    STOP: f"replies are not stopped at {END_MARK}",
}
_Stop = Literal["untried", "in question", "taken", "off"]


class ReplyForm:
    """What an LM is asked besides its prompt; its copies share it. May be used from any thread.

    stops: send the end mark as a stop sequence. structured: have the server enforce a JSON schema. bounds_texts: let
    the schema bound texts too, which OpenAI's servers refuse and those of open weights enforce.

    A model that thinks in its reply may write the end mark in a thought. The first reply that was stopped and does not
    begin with a field is therefore taken for one that missed the format, and asked for once more without a stop; if it
    has thoughts then, no stop is sent again.
    """

    def __init__(self, *, stops: bool = False, structured: bool = False, bounds_texts: bool = False) -> None:
        self._stop: _Stop = "untried" if stops else "off"
        self._showed_nothing = False
        self._structured = structured
        self.bounds_texts = bounds_texts
        self._lock = threading.Lock()

    def __copy__(self) -> ReplyForm:
        return self

    def __deepcopy__(self, memo: object) -> ReplyForm:
        return self

    @property
    def stops(self) -> bool:
        return self._stop in ("untried", "taken")

    @property
    def structured(self) -> bool:
        return self._structured

    def refused(self, status: int | None, text: str, sent: Mapping[str, Any], model: str) -> str | None:
        """Which part of the call `sent` the server refused with `text`, not to be sent again; None: neither."""
        if status is not None and not (status in (400, 404, 415, 422) or status >= 500):
            return None
        for name, pattern in _REFUSED.items():
            if name in sent and pattern.search(text):
                self._drop(name, model, f"the server refuses {name} ({_first_line(text)})")
                return name
        return None

    def ignored(self, model: str) -> None:
        """The server took the schema and sent what is no JSON."""
        self._drop(FORMAT, model, f"the server takes {FORMAT} and does not enforce it")

    def is_in_question(self, raw: str, reply: Reply, *, stopped: bool) -> bool:
        """Whether the reply may be a thought that the stop cut; one that was not stopped settles it for others."""
        with self._lock:
            if stopped:
                if self._stop == "taken" or not _may_be_thought(raw, reply):
                    return False
                if self._stop == "untried":
                    self._stop, self._showed_nothing = "in question", not reply.text
                return True
            if self._stop == "in question":
                thinks = without_thoughts(raw) != raw.strip() or (self._showed_nothing and bool(reply.text))
                self._stop = "off" if thinks else "taken"
            return False

    def _drop(self, name: str, model: str, problem: str) -> None:
        with self._lock:
            if name == FORMAT:
                is_news, self._structured = self._structured, False
            else:
                is_news, self._stop = self._stop != "off", "off"
        if is_news:
            line = f"{model}: {problem}; it is asked without, and {_WITHOUT[name]}"
            logging.getLogger(__name__).warning("%s", harmless(redact(line)))


def form_of(lm: object) -> ReplyForm:
    """The form of `lm`; that of an LM which memoryqa.lms.roles did not build asks for nothing."""
    found = getattr(lm, "form", None)
    return found if isinstance(found, ReplyForm) else ReplyForm()


def _may_be_thought(raw: str, reply: Reply) -> bool:
    if reply.is_cut or raw.lstrip().startswith(_FIELD_MARK):
        return False
    return bool(raw.strip()) or (reply.completion_tokens or 0) > _HIDDEN_TOKENS


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason")[:_MAX_SHOWN_CHARS]
