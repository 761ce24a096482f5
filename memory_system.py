"""The program: answer a question about months of dated conversation from an adaptive memory of it.

    program = MemoryQA(memory)                       # a memoryqa.AdaptiveMemory, or Memories of several conversations
    prediction = program(question="When did Ana move to Porto?")
    prediction.answer, prediction.evidence_ids       # '20 May 2023', ['D8:6']

The signatures are the prompts and come first: everything that the optimizers tune is in their text. The program holds
no state but its predictors and its config; memories are built beforehand and only read at question time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError

from memoryqa.config import MemoryConfig, ProgramConfig, Settings
from memoryqa.errors import UsageError
from memoryqa.evidence import Evidence
from memoryqa.memories import Memories as Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.memory.selection import check_asking
from memoryqa.messages import TimeLike
from memoryqa.offline_reader import NO_INFORMATION as NO_INFORMATION
from memoryqa.parameters import settings_from
from memoryqa.replies.acceptance import accepted_queries, is_nothing
from memoryqa.replies.adapter import reading_replies
from memoryqa.replies.reading import without_thoughts
from memoryqa.steps import Call, run, run_async
from memoryqa.tokens import count_tokens
from memoryqa.turns import parse_citations

Steps = Generator[Call, Any, dspy.Prediction]
MemoriesLike = AdaptiveMemory | Mapping[str, AdaptiveMemory]


# -- the prompts -------------------------------------------------------------------------------------------------------


class WriteQueries(dspy.Signature):
    """Write search queries that would find, in a long chat, the lines that answer the question.

    "I" is the user, "you" the assistant, if any. The search matches words. So write what a speaker would have typed at
    the time: concrete, everyday, first person ("I signed up for", "my sister and I"), not the wording of the question.
    Let each query stand for another possible answer. When the question asks for a kind of thing (hobbies, places, pets,
    books), name likely instances of it. Keep names of places, works and events that the question gives. Leave out the
    speakers' own names.
    """

    question: str = dspy.InputField()
    queries: list[str] = dspy.OutputField(desc="3 to 5 queries of 3 to 8 words, each different")


class AssessEvidence(dspy.Signature):
    """Decide whether the lines found so far are enough to answer the question completely.

    A question about several things, people or occasions ("what hobbies", "how many times", "both") is answered
    completely only when every one of them is there. If something may be missing, write queries for exactly that, in
    words a speaker would have used; names, places and dates seen in the lines are good leads.
    """

    question: str = dspy.InputField()
    evidence: str = dspy.InputField(desc="lines of the chat, under the date of their session; may be incomplete")
    sufficient: bool = dspy.OutputField()
    follow_up_queries: list[str] = dspy.OutputField(desc="up to 3 queries for what is missing; [] when sufficient")


class AnswerQuestion(dspy.Signature):
    """Answer the question from the lines of the chat, and from nothing else.

    "I" is the user, "you" the assistant, if any. Answer with a short phrase in the question's language, in exact
    words of the lines where possible: no sentence, no explanation. List every item that the lines show when the
    question asks for several, separated by commas. A session's date stands above its lines; resolve "yesterday"
    or "last week" against it ("(= 20 May 2023)" is already resolved) and give dates as "20 May 2023", "May 2023" or
    "2023", as exact as the lines allow. If the question asks what is likely, conclude from what the lines show, as
    "Likely yes, since ...". If the lines do not hold the answer, or what the question takes for granted did not
    happen, or happened to somebody else, answer "No information available", in English.
    """

    question: str = dspy.InputField()
    evidence: str = dspy.InputField(
        desc='lines of the chat: "[D8, 15 July 2023]" heads session D8, "6 Ana: ..." is its line 6'
    )
    answer: str = dspy.OutputField(desc="a short phrase")
    # text, not a list: a small model that writes "D8:6, D9:1" or nothing should not lose its answer over the format
    evidence_ids: str = dspy.OutputField(desc='lines used, as "D8:6, D9:17"; empty when there is no information')


# -- the programs ------------------------------------------------------------------------------------------------------


class ProgramOnMemories(dspy.Module):
    """A program that answers from memories: what all of them have in common."""

    def __init__(self, memories: MemoriesLike, config: ProgramConfig | None = None) -> None:
        super().__init__()
        if config is not None and not isinstance(config, ProgramConfig):
            raise TypeError(f"config must be a ProgramConfig (context_tokens, max_hops, score_floor), got {config!r}")
        if isinstance(memories, AdaptiveMemory):
            memories = Memories({"conversation": memories})
        self.memories = memories if isinstance(memories, Memories) else Memories(memories)
        self.config = config or ProgramConfig()
        self.answer_question = dspy.Predict(AnswerQuestion)

    def forward(self, question: str, conversation_id: str | None = None, *, asked: TimeLike = None) -> dspy.Prediction:
        """Answer from the memory of `conversation_id` (None: the only one); `asked`: see `AdaptiveMemory.search`."""
        with reading_replies():
            return run(self.steps(*check_asking(question, self.memories.choose(conversation_id), asked)))

    async def aforward(
        self, question: str, conversation_id: str | None = None, *, asked: TimeLike = None
    ) -> dspy.Prediction:
        """`forward`, with the LM awaited."""
        with reading_replies():
            return await run_async(self.steps(*check_asking(question, self.memories.choose(conversation_id), asked)))

    def steps(self, question: str, memory: AdaptiveMemory, asked: TimeLike = None) -> Steps:
        """The recipe, without its driver: yields calls of predictors, is sent their predictions, returns the answer."""
        evidence = self.evidence(memory)
        return (yield from answer_from(self.answer_question, question, evidence))

    def evidence(self, memory: AdaptiveMemory) -> Evidence:
        """What is read for every question."""
        raise NotImplementedError

    def prompts(self, conversation_id: str, question: str) -> list[str]:
        """The prompts that a question takes at most, as far as they do not depend on an LM's answers."""
        evidence = self.evidence(self.memories[conversation_id])
        return [prompt_of(self.answer_question, question=question, evidence=evidence.text)] if evidence.text else []


class MemoryQA(ProgramOnMemories):
    """Answer a question about a past conversation: search its memory with well-chosen queries, then read the finds.

    The evidence of all searches stands in one context of at most `context_tokens`. A search keeps what earlier ones
    found and fills up the context, so a follow-up query adds lines and never pushes one out.
    """

    def __init__(self, memories: MemoriesLike, config: ProgramConfig | None = None) -> None:
        super().__init__(memories, config)
        self.write_queries = dspy.Predict(WriteQueries)
        self.assess_evidence = dspy.Predict(AssessEvidence)

    def steps(self, question: str, memory: AdaptiveMemory, asked: TimeLike = None) -> Steps:
        search, problems = partial(memory.search, score_floor=self.config.score_floor, asked=asked), list[str]()
        if not self.evidence(memory).text:  # an empty memory needs no LM to say that it knows nothing
            return (
                yield from answer_from(self.answer_question, question, memory.recent(0), memory_tokens=memory.tokens)
            )

        # 1. Say in a speaker's words what the answer may look like, and search for it together with the question.
        queries = [question, *(yield from self._write_queries(question, problems))]
        evidence = search(queries, self.hop_budget(1))

        # 2. While something is missing, search for that; keep what was found.
        hops, most = 1, self.config.max_hops
        while hops < most and (follow_ups := (yield from self._follow_ups(question, evidence, problems))):
            hops += 1
            queries += follow_ups
            evidence = search([question, *follow_ups], self.hop_budget(hops), keep=evidence.line_ids)

        # 3. Fill up the context with what all queries find, beside what the hops found, and answer from it.
        found = evidence.line_ids if hops > 1 else ()
        evidence = search(queries, self.config.context_tokens, keep=found)
        return (
            yield from answer_from(
                self.answer_question,
                question,
                evidence,
                hops=hops,
                queries=queries[1:],
                memory_tokens=memory.tokens,
                problems=problems,
            )
        )

    def hop_budget(self, hop: int) -> int:
        """Half of the context is for the first search, half of the rest for each that follows, all for the last."""
        share = 1.0 if hop >= self.config.max_hops else 1 - 0.5**hop
        return int(self.config.context_tokens * share)

    def evidence(self, memory: AdaptiveMemory) -> Evidence:
        return memory.recent(self.config.context_tokens)

    def prompts(self, conversation_id: str, question: str) -> list[str]:
        memory, config = self.memories[conversation_id], self.config
        if not self.evidence(memory).text:
            return []
        budgets = [*(self.hop_budget(hop) for hop in range(1, config.max_hops)), config.context_tokens]
        *assessed, read = [memory.search(question, budget, score_floor=config.score_floor) for budget in budgets]
        return [
            prompt_of(self.write_queries, question=question),
            *(prompt_of(self.assess_evidence, question=question, evidence=found.text) for found in assessed),
            prompt_of(self.answer_question, question=question, evidence=read.text),
        ]

    def _write_queries(self, question: str, problems: list[str]) -> Generator[Call, Any, list[str]]:
        try:
            written = yield Call(self.write_queries, question=question)
        except AdapterParseError:  # the question alone finds most of the evidence: go on, and say so
            problems.append("the queries could not be read; searched with the question alone")
            return []
        return accepted_queries(written.queries, problems)

    def _follow_ups(self, question: str, evidence: Evidence, problems: list[str]) -> Generator[Call, Any, list[str]]:
        try:
            assessed = yield Call(self.assess_evidence, question=question, evidence=evidence.text)
        except AdapterParseError:
            problems.append("the assessment of the evidence could not be read; taken as sufficient")
            return []
        return [] if assessed.sufficient else accepted_queries(assessed.follow_up_queries, problems)


class SimplePredict(ProgramOnMemories):
    """The baseline: answer from the most recent lines of the conversation that fit the same context."""

    def evidence(self, memory: AdaptiveMemory) -> Evidence:
        return memory.recent(self.config.context_tokens)


class FullContext(ProgramOnMemories):
    """The expensive bar: answer from the whole conversation, at any cost. It may not fit the LM's window."""

    def evidence(self, memory: AdaptiveMemory) -> Evidence:
        return memory.transcript()


PROGRAMS: dict[str, type[ProgramOnMemories]] = {
    "simple": SimplePredict,
    "memory": MemoryQA,
    "full-context": FullContext,
}


def answer_from(
    answer_question: dspy.Predict,
    question: str,
    evidence: Evidence,
    *,
    hops: int = 0,
    queries: Iterable[str] = (),
    memory_tokens: int | None = None,
    problems: Iterable[str] = (),
) -> Steps:
    """Answer from `evidence`: the last step of all programs. Only lines that were shown count as cited.

    The prediction carries: answer, evidence_ids (cited), retrieved_ids (shown, best first), shown (how those are that
    are not shown by one whole line, see `Evidence.shown`), hops, queries, context_tokens, memory_tokens (None without a
    memory), and problems (what had to be worked around, a line each).
    """
    answer, cited = NO_INFORMATION, list[str]()
    if evidence.text:
        answered = yield Call(answer_question, question=question, evidence=evidence.text)
        shown = set(evidence.ids)
        answer = without_thoughts(str(answered.answer or ""))
        answer = NO_INFORMATION if not answer or is_nothing(answer) else answer
        cited = [turn_id for turn_id in parse_citations(str(answered.evidence_ids)) if turn_id in shown]
    return dspy.Prediction(
        answer=answer,
        evidence_ids=cited,
        retrieved_ids=list(evidence.ids),
        shown=evidence.shown,
        hops=hops,
        queries=list(queries),
        context_tokens=evidence.tokens,
        memory_tokens=memory_tokens,
        problems=list(problems),
    )


def prompt_digests(program: dspy.Module) -> dict[str, str]:
    """By predictor, 16 hex digits of sha256 over instructions, fields and demos: a number belongs to its prompts."""
    states = {name: predictor.dump_state() for name, predictor in program.named_predictors()}
    kept = {name: {key: state[key] for key in ("signature", "demos")} for name, state in states.items()}
    return {
        name: hashlib.sha256(json.dumps(state, sort_keys=True, default=str).encode()).hexdigest()[:16]
        for name, state in kept.items()
    }


def expected_cost(program: ProgramOnMemories, inputs: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """LM calls and prompt tokens (o200k_base) that questions will cost at most, retries aside.

    The prompts are counted as they will be sent, but for what an LM writes in between: queries of its own may find
    other lines (the budget is the same), and assessments that are satisfied at once save a call.
    """
    prompts = [prompt for question in inputs for prompt in program.prompts(**question)]
    return {"lm_calls": len(prompts), "prompt_tokens": sum(map(count_tokens, prompts))}


def prompt_of(predictor: dspy.Predict, **inputs: str) -> str:
    """The text that `predictor` would send, in the adapter that DSPy is configured with."""
    adapter = dspy.settings.adapter or dspy.ChatAdapter()
    messages = adapter.format(predictor.signature, predictor.demos, inputs)
    return "\n".join(str(message["content"]) for message in messages)


# -- saving ------------------------------------------------------------------------------------------------------------


class ProgramFileError(UsageError):
    """A saved program cannot be used; the message names the file and the fix."""


def config_path(path: Path) -> Path:
    """Where the config of the program saved at `path` stands: `x.json` -> `x.config.json`."""
    return path.with_suffix(".config.json")


def save_program(program: MemoryQA, path: Path, memory: MemoryConfig | None = None) -> None:
    """Write the prompts to `path` (JSON) and the settings beside it. A folder that does not exist is made.

    `memory`: how the memories of the program were built, so that others are built alike; None: as shipped.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    program.save(str(path))
    config, of_memory = asdict(program.config), asdict(memory or MemoryConfig())
    saved = {"program": type(program).__name__, "config": config, "memory": of_memory}
    config_path(path).write_text(json.dumps(saved, indent=2) + "\n", encoding="utf-8")


def load_program_settings(path: Path) -> Settings:
    """The settings beside the program saved at `path`. Raises ProgramFileError when they are missing or unreadable."""
    saved = _read_json(config_path(path))
    try:
        if saved["program"] != MemoryQA.__name__:
            raise ValueError(f"it is of a {saved['program']}, not of a {MemoryQA.__name__}")
        of_both = [saved["memory"], saved["config"]] if "memory" in saved else [saved["config"]]  # as version 0.1 did
        return settings_from(*map(dict, of_both))
    except (KeyError, TypeError, ValueError) as error:
        raise ProgramFileError(
            f"{config_path(path)}: not a config of this version ({error}); save the program again"
        ) from error


def load_program(path: Path, memories: Memories) -> MemoryQA:
    """The program saved at `path`, with the config saved beside it.

    An LM saved with it is not used: whom to ask is the caller's choice. Raises ProgramFileError when one of the two
    files is missing or unreadable, and when the prompts are for other predictors or fields than this version's: it says
    what differs. A file that another version of DSPy saved is read like any other, as long as it can be.
    """
    prompts = _read_json(path)
    program = MemoryQA(memories, load_program_settings(path).program)
    try:
        if differences := list(_differences(prompts, program)):
            raise ValueError("; ".join(differences))
        program.load_state({name: {**prompts[name], "lm": None} for name, _ in program.named_predictors()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ProgramFileError(
            f"{path}: not a program of this version ({reason}); optimise again{_other_dspy(prompts)}"
        ) from error
    return program


def _differences(prompts: Mapping[str, Any], program: MemoryQA) -> Iterator[str]:
    """What of a saved file does not fit `program`, a line each."""
    expected = dict(program.named_predictors())
    if missing := expected.keys() - prompts.keys():
        yield f"it has no {', '.join(sorted(missing))}"
    if unknown := prompts.keys() - expected.keys() - {"metadata"}:
        yield f"here is no {', '.join(sorted(unknown))}"
    for name in expected.keys() & prompts.keys():
        here = [part["prefix"] for part in expected[name].dump_state()["signature"]["fields"]]
        there = [part["prefix"] for part in prompts[name]["signature"]["fields"]]
        if there != here:
            yield f"{name} has the fields {there}, here they are {here}"


def _other_dspy(prompts: Mapping[str, Any]) -> str:
    """What else can be done with a file that DSPy of another version saved."""
    metadata = prompts.get("metadata")
    versions = metadata.get("dependency_versions") if isinstance(metadata, dict) else None
    saved_by = versions.get("dspy") if isinstance(versions, dict) else None
    if saved_by in (None, dspy.__version__):
        return ""
    return f", or read it with the DSPy that saved it: pip install dspy=={saved_by} (this is {dspy.__version__})"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProgramFileError(
            f"{path}: no such file; a saved program is x.json with x.config.json beside it"
        ) from None
    except (OSError, ValueError) as error:
        raise ProgramFileError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(content, dict):
        raise ProgramFileError(f"{path}: holds no JSON object; is it a saved program?")
    return content
