"""An engine for `dspy.LM` that needs no key and no network: rules extract the answer from the prompt.

    dspy.configure(lm=offline_lm())

Every script runs end to end with it. A signature with `question` and `evidence` is answered from the evidence
(extraction.py). Other signatures get plain values of the right types: no queries, no advice, an unchanged instruction.
It judges nothing: yes/no fields get no, choices get the last option.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from xml.sax.saxutils import escape, quoteattr

from memoryqa.errors import missing_extras_named
from memoryqa.offline_reader import NO_INFORMATION, OFFLINE_MODEL
from memoryqa.offline_reader.extraction import read

if TYPE_CHECKING:
    import dspy
    from dspy.lm15 import Request, Response

Style = Literal["chat", "json", "xml"]

_REMARK = "None: the offline extractive reader writes no text of its own."
_ADVICE = "Answer with the exact words of the evidence, as briefly as possible."
_INSTRUCTION = "Answer the question from the evidence, with a short phrase in its exact words."
_INSTRUCTION_INPUTS = ("basic_instruction", "current_instruction", "instruction")
_CHARS_PER_TOKEN = 4  # the usage is an estimate: counting would cost more than reading

# the layout of a DSPy prompt, see dspy/adapters/{chat,json,xml}_adapter.py of 3.4.1
_FIELD_LISTS = re.compile(
    r"Your input fields are:\n(?P<inputs>.*?)\nYour output fields are:\n(?P<outputs>.*?)"
    r"\nAll interactions will be structured(?P<structure>.*?)(?:\nIn adhering to this structure|\Z)",
    re.S,
)
_FIELD = re.compile(r"^\d+\. `(?P<name>\w+)` \((?P<type>.*?)\):", re.M)
_REPLY_RULES = re.compile(r"\n\nRespond with [^\n]*\Z")
_FENCED = re.compile(r"```\w*\n(.*?)\n```", re.S)
_OPTION = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[\w.-]+""")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def offline_lm() -> dspy.LM:
    """The offline reader as a `dspy.LM`: deterministic, never cached; threads and deep copies may share it."""
    with missing_extras_named("the offline reader"):
        import dspy

    return dspy.LM(OFFLINE_MODEL, engine=ExtractiveReader(), async_engine=AwaitedReader(), cache=False)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A parsed DSPy prompt: `outputs` maps each field to its type as written, `inputs` is the current example."""

    style: Style
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


class ExtractiveReader:
    """A DSPy engine (`complete(Request) -> Response`) without state: deep copies are the same object."""

    def __deepcopy__(self, memo: dict[int, Any]) -> ExtractiveReader:
        return self

    def dump_state(self) -> dict[str, Any]:
        """Empty: there is nothing to save. DSPy calls this when a program with this LM is saved."""
        return {}

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> ExtractiveReader:
        """The counterpart of `dump_state`."""
        return cls()

    def complete(self, request: Request) -> Response:
        """Answer the last message. No content of a prompt makes it raise."""
        from dspy.lm15 import Message, Response, TextPart, Usage

        parts = request.system or ""
        system = (
            parts if isinstance(parts, str) else "\n".join(part.text for part in parts if isinstance(part, TextPart))
        )
        messages = [message.text or "" for message in request.messages]
        text = respond(system, messages[-1])
        input_tokens = sum(map(len, [system, *messages])) // _CHARS_PER_TOKEN + 1
        output_tokens = len(text) // _CHARS_PER_TOKEN + 1
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, total_tokens=input_tokens + output_tokens)
        message = Message.assistant([TextPart(text)])
        return Response(id=None, model=request.model, message=message, finish_reason="stop", usage=usage)


class AwaitedReader:
    """`ExtractiveReader` as DSPy awaits it; a question takes milliseconds, so nothing is handed to a thread."""

    def __deepcopy__(self, memo: dict[int, Any]) -> AwaitedReader:
        return self

    def dump_state(self) -> dict[str, Any]:
        """Nothing to save, as in ExtractiveReader."""
        return {}

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> AwaitedReader:
        """The counterpart of `dump_state`."""
        return cls()

    async def complete(self, request: Request) -> Response:
        return ExtractiveReader().complete(request)


def respond(system: str, user: str) -> str:
    """The completion for a prompt. `user` is its last message; the messages before are demonstrations."""
    prompt = parse_prompt(system, user)
    if prompt is None:  # not from a DSPy adapter, e.g. GEPA's request for a new instruction in a ``` block
        fenced = _FENCED.search(user)
        return f"```\n{fenced[1]}\n```" if fenced else _REMARK
    values = answer_fields(prompt)
    if prompt.style == "json":
        return json.dumps(values, ensure_ascii=False)
    if prompt.style == "xml":
        return "\n\n".join(_to_xml(name, value) for name, value in values.items())
    fields = "\n\n".join(f"[[ ## {name} ## ]]\n{_to_text(value)}" for name, value in values.items())
    return f"{fields}\n\n[[ ## completed ## ]]"


def parse_prompt(system: str, user: str) -> Prompt | None:
    """Read a prompt of DSPy's Chat, JSON or XML adapter; None for any other prompt."""
    lists = _FIELD_LISTS.search(system)
    if lists is None:
        return None
    style: Style = "chat"
    if "Outputs will be a JSON object" in lists["structure"]:
        style = "json"
    elif "[[ ## " not in lists["structure"]:
        style = "xml"
    names = [field["name"] for field in _FIELD.finditer(lists["inputs"])]
    outputs = {field["name"]: field["type"] for field in _FIELD.finditer(lists["outputs"])}
    return Prompt(style, _inputs(_REPLY_RULES.sub("", user), names, style), outputs)


def _inputs(text: str, names: list[str], style: Style) -> dict[str, str]:
    """The value of each input. Fields come in order, so a marker quoted inside a value is not mistaken for a field."""
    starts: list[tuple[str, int, int]] = []
    position = 0
    for name in names:
        marker = f"<{name}>\n" if style == "xml" else f"[[ ## {name} ## ]]\n"
        found = re.compile(rf"^{re.escape(marker)}", re.M).search(text, position)
        if found:  # an example may leave inputs out
            position = found.end()
            starts.append((name, found.start(), position))
    ends = [start for _, start, _ in starts[1:]] + [len(text)]
    values: dict[str, str] = {}
    for (name, _, begin), end in zip(starts, ends, strict=True):
        value = text[begin:end].strip()
        values[name] = value.removesuffix(f"</{name}>").rstrip() if style == "xml" else value
    return values


def answer_fields(prompt: Prompt) -> dict[str, Any]:
    """A value of the right type for every output field."""
    values = {name: _plain_value(name, type_, prompt.inputs) for name, type_ in prompt.outputs.items()}
    if "answer" in values and "question" in prompt.inputs:
        reading = read(prompt.inputs["question"], prompt.inputs.get("evidence", ""))
        if prompt.outputs["answer"] == "str":
            values["answer"] = reading.answer
        if prompt.outputs.get("evidence_ids") == "list[str]":
            values["evidence_ids"] = list(reading.evidence_ids)
        elif prompt.outputs.get("evidence_ids") == "str":
            values["evidence_ids"] = ", ".join(reading.evidence_ids)
    return values


def _plain_value(name: str, type_: str, inputs: Mapping[str, str]) -> Any:
    """The value of a field that needs no evidence. Other types (models, enums) get an empty object."""
    if name == "sufficient" and type_ == "bool":
        return True  # it could not name what is missing
    if name == "module_advice":  # SIMBA: advice per module
        return dict.fromkeys(re.findall(r'"([^"]+)"', inputs.get("module_names", "")), _ADVICE)
    kind = type_.partition("[")[0]
    if kind == "Literal":
        return _options(type_)[-1]
    if kind in ("Union", "Optional"):
        return _text(name, inputs) if re.search(r"\bstr\b", type_) else None
    if kind in ("str", "Reasoning"):
        return _text(name, inputs)
    plain: dict[str, Any] = {"bool": False, "int": 0, "float": 0.0, "NoneType": None}
    for sequence in ("list", "tuple", "set", "frozenset", "List", "Sequence"):
        plain[sequence] = []
    return plain.get(kind, {})


def _text(name: str, inputs: Mapping[str, str]) -> str:
    if name == "answer":
        return NO_INFORMATION
    if name.endswith("instruction"):  # MIPROv2, COPRO, GEPA: leave the instruction as it is
        return next((inputs[key] for key in _INSTRUCTION_INPUTS if inputs.get(key)), _INSTRUCTION)
    return _REMARK


def _options(type_: str) -> list[Any]:
    """The members of `Literal['a', 2, True]` as DSPy writes it."""
    named = {"True": True, "False": False, "None": None}
    options: list[Any] = []
    for option in _OPTION.findall(type_.partition("[")[2].rstrip("]")):
        if option[0] in "'\"":
            options.append(option[1:-1])
        else:
            options.append(named[option] if option in named else int(option))
    return options


def _to_text(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _to_xml(name: str, value: Any, attributes: str = "") -> str:
    if isinstance(value, list):
        content = "".join(_to_xml("item", item) for item in value)
    elif isinstance(value, dict):
        content = "".join(_to_xml("entry", item, f" key={quoteattr(key)}") for key, item in value.items())
    else:
        content = escape(_NOT_XML.sub("", str(value)))
    return f"<{name}{attributes}>{content}</{name}>"
