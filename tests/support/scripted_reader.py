"""A reader that follows a script, for tests of the programs: over the wire (it is an `Answer` of openai_server), and
without one (`lm()`). It knows the prompts by their output fields and records what it was asked."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import dspy
from dspy.lm15 import Message, Request, Response, TextPart, Usage
from openai_server import chat_fields, json_fields

Step = Literal["queries", "assess", "answer"]
OFF_FORMAT = "I would rather talk about the weather."
_OUTPUTS = re.compile(r"Your output fields are:\n(.*?)\nAll interactions", re.DOTALL)
_FIELD = re.compile(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n\[\[ ## |\n\nRespond with )", re.DOTALL)


@dataclass(frozen=True)
class Asked:
    """One prompt: which step it is, its input fields by name, and all that was sent."""

    step: Step
    inputs: Mapping[str, str]
    sent: str
    is_json: bool


def read_prompt(messages: Sequence[Mapping[str, Any]]) -> Asked | None:
    """The prompt behind a request's messages, written by dspy.ChatAdapter or dspy.JSONAdapter; None for a probe."""
    system, user = str(messages[0]["content"]), str(messages[-1]["content"])
    outputs = _OUTPUTS.search(system)
    if not outputs:
        return None
    names = re.findall(r"`(\w+)`", outputs[1])
    steps: dict[str, Step] = {"queries": "queries", "sufficient": "assess", "answer": "answer"}
    inputs = dict(_FIELD.findall(user))
    return Asked(
        steps[names[0]],
        inputs,
        "\n".join(str(message["content"]) for message in messages),
        "Outputs will be a JSON object" in system,
    )


@dataclass
class ScriptedReader:
    """What it answers at each step. `off_format`: the steps that it answers with small talk."""

    queries: Sequence[str] = ("I bought a kite",)
    sufficient: bool = True
    follow_ups: Sequence[str] = ()
    answer: str = "a kite"
    evidence_ids: Sequence[str] = ()
    off_format: Collection[Step] = ()
    asked: list[Asked] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def __call__(self, messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
        asked = read_prompt(messages)
        if asked is None:
            return "OK"
        with self.lock:
            self.asked.append(asked)
        if asked.step in self.off_format:
            return OFF_FORMAT
        fields: dict[Step, dict[str, Any]] = {
            "queries": {"queries": list(self.queries)},
            "assess": {"sufficient": self.sufficient, "follow_up_queries": list(self.follow_ups)},
            "answer": {"answer": self.answer, "evidence_ids": ", ".join(self.evidence_ids)},
        }
        if asked.is_json:
            return json_fields(**fields[asked.step])
        return chat_fields(
            **{
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in fields[asked.step].items()
            }
        )

    @property
    def steps(self) -> list[Step]:
        return [asked.step for asked in self.asked]

    def at(self, step: Step) -> list[Asked]:
        """What was asked at one step, in order."""
        return [asked for asked in self.asked if asked.step == step]

    def lm(self) -> dspy.LM:
        """This reader as an LM without a wire and without a cache."""
        return dspy.LM("test/scripted", engine=_Engine(self), async_engine=_AwaitedEngine(self), cache=False)


class _Engine:
    def __init__(self, reader: ScriptedReader) -> None:
        self.reader = reader

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def complete(self, request: Request) -> Response:
        messages = [{"content": request.system}, *({"content": message.text} for message in request.messages)]
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant([TextPart(self.reader(messages, {}))]),
            finish_reason="stop",
            usage=Usage(input_tokens=1, output_tokens=1, total_tokens=2),
        )


class _AwaitedEngine(_Engine):
    async def complete(self, request: Request) -> Response:  # type: ignore[override]
        return super().complete(request)


class Asker(dspy.Module):
    """A program with one predictor below it."""

    def __init__(self) -> None:
        super().__init__()
        self.answer_question = dspy.Predict("question -> answer")

    def forward(self, question: str) -> dspy.Prediction:
        return self.answer_question(question=question)
