"""Writes tags at index time: an LM reads each session once and writes words by which its turns may be found.

    tagger = SessionTagger()
    tagger.set_lm(lm)                                     # else DSPy's default LM
    tags = Tags(written_by="openai/gpt-4o-mini")
    report = tag_conversations(tagger, {"chat": turns}, tags)
    memory.extend(with_tags(turns, tags.conversations["chat"]))

docs/LOG.md has the measured gain. Tags cost nothing when a question is asked. The signature is the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from dataclasses import dataclass

from memoryqa.errors import missing_extras_named
from memoryqa.rendering import Line, render, render_turn
from memoryqa.replies.reading import last_reply, set_last_reply, without_thoughts
from memoryqa.tags.files import TaggingStoppedError, Tags, TagsError, parse_tags
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn, render_header

with missing_extras_named("memoryqa.tags.writing"):
    import dspy
    from dspy.utils.exceptions import AdapterParseError, LMError

    from memoryqa.replies.adapter import ReplyAdapter

MAX_TURNS_PER_CALL = 60  # a longer session takes several calls, so that an answer fits into 2,048 tokens
MAX_FAILURE_RATE = 0.2  # share of sessions; above it the LM cannot follow the format, or the server fails
_MIN_FAILURES_TO_STOP = 3  # in one short conversation a single failed session may be a fifth


class TagSession(dspy.Signature):
    """Write index words for the lines of one chat session, so that a search that matches words finds them later.

    Somebody will look for a line with words that it does not hold. So for every line that states something a person may
    be asked about (facts, plans, events, feelings, possessions, activities, places, people, preferences) write 2 to 6
    words or short phrases of that kind: the class of what is named (hiking: hobby, outdoors; Paris: city, trip), the
    kind of event (a promotion: career, milestone), the feeling or trait shown, and what is meant but only named nearby
    ("It went great!" after a question about a race: race, charity run). Not the words of the line itself, not the
    speakers' names. Leave out lines with nothing to look for (greetings, thanks, praise).
    """

    session: str = dspy.InputField(
        desc='lines of the chat: "[D8, 15 July 2023]" heads session D8, "6 Ana: ..." is its line 6'
    )
    # text, not a dict: a small model's slip should cost it a line, not the session
    tags: str = dspy.OutputField(desc='a line each, as "6: pet, dog, new home"; "none" when no line states anything')


class SessionTagger(dspy.Module):
    """Writes index words for a rendered chat session, as lines `number: words`, in exactly one LM call."""

    def __init__(self) -> None:
        super().__init__()
        self.tag_session = dspy.Predict(TagSession)

    def forward(self, session: str, cache: bool = True) -> dspy.Prediction:
        # no second call in another format: an answer without the field's marker usually is the lines themselves
        with dspy.context(adapter=ReplyAdapter(use_json_adapter_fallback=False)):
            set_last_reply(None)
            try:
                tags = str(self.tag_session(session=session, config={} if cache else {"cache": False}).tags or "")
            except AdapterParseError as error:
                tags = str(error.lm_response)
        if (reply := last_reply()) is not None and reply.is_cut:  # the lines that are missing would stay without tags
            raise TagsError("the reply was cut at the token limit; raise `tag_max_tokens`")
        if reply is not None and reply.prompt_loss:  # likewise those that it has not seen
            raise TagsError(f"{reply.prompt_loss}; give it a larger window")
        if reply is not None and (why := reply.ending or reply.emptiness):
            raise TagsError(f"the reply {reply.ending}" if reply.ending else why)
        return dspy.Prediction(tags=without_thoughts(tags))


@dataclass(frozen=True, slots=True)
class TaggingReport:
    """The number of sessions tagged by this pass, and a line for each that failed: which one, and why."""

    tagged: int
    failures: tuple[str, ...]


def tag_conversations(
    tagger: SessionTagger,
    conversations: Mapping[str, Sequence[Turn]],
    tags: Tags,
    *,
    on_session: Callable[[int], None] = lambda num_failed: None,
    num_threads: int = 8,
    is_systemic: Callable[[BaseException], bool] = lambda error: False,
) -> TaggingReport:
    """Add tags of all sessions that are not tagged yet to `tags`: one LM call each, several for a very long session.

    `on_session` is called in the calling thread after each session, with the number of failed ones; save `tags` there.
    A session whose call fails, or whose answer cannot be read, stays untagged. Raises TaggingStoppedError at the first
    failure that would repeat itself (`is_systemic`), and when more than MAX_FAILURE_RATE of the sessions failed. A
    stop, also by Ctrl-C, waits for running calls; DSPy's cache, if on, keeps their answers.
    """
    sessions = list(tags.untagged(conversations))
    allowed_failures = max(_MIN_FAILURES_TO_STOP, MAX_FAILURE_RATE * len(sessions))
    failures: list[str] = []
    with ThreadPoolExecutor(num_threads) as executor:
        # each in a copy of this thread's context, so that `with dspy.context(lm=...)` holds there too
        running = {executor.submit(copy_context().run, tag_turns, tagger, turns): (i, turns) for i, turns in sessions}
        try:
            for future in as_completed(running):
                conversation_id, turns = running[future]
                try:
                    found = future.result()
                except (LMError, TagsError) as error:
                    failures.append(f"{conversation_id} D{turns[0].session}: {' '.join(str(error).split())}")
                    if is_systemic(error) or len(failures) > allowed_failures:
                        raise TaggingStoppedError(
                            f"tagging stopped, {len(failures)} of {len(sessions)} sessions failed; the last one:"
                            f" {failures[-1]}"
                        ) from error
                else:
                    tags.conversations.setdefault(conversation_id, {}).update(found)
                on_session(len(failures))
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
    return TaggingReport(len(sessions) - len(failures), tuple(failures))


def tag_turns(tagger: SessionTagger, turns: Sequence[Turn]) -> dict[str, tuple[str, ...]]:
    """Tags of a session's turns by turn id; () for a turn with nothing to look for. Raises LMError and TagsError."""
    tags: dict[str, tuple[str, ...]] = {turn.id: () for turn in turns}
    for lines in _calls(turns):
        tags |= _tags_of(tagger, lines)
    return tags


def _tags_of(tagger: SessionTagger, lines: Sequence[Line]) -> dict[str, tuple[str, ...]]:
    turns = [line.turn for line in lines]
    try:
        return parse_tags(tagger(session=render(lines)).tags, turns)
    except TagsError:
        if (reply := last_reply()) is None or not reply.from_cache:
            raise
    return parse_tags(tagger(session=render(lines), cache=False).tags, turns)  # the cache would repeat it for ever


def tagging_cost(tagger: SessionTagger, conversations: Mapping[str, Sequence[Turn]], tags: Tags) -> dict[str, int]:
    """LM calls and prompt tokens (o200k_base) of `tag_conversations`, without retries. Makes no call."""
    predictor = tagger.tag_session
    prompts = [
        dspy.ChatAdapter().format(predictor.signature, predictor.demos, {"session": render(lines)})
        for _, turns in tags.untagged(conversations)
        for lines in _calls(turns)
    ]
    prompt_tokens = sum(count_tokens(str(message["content"])) for prompt in prompts for message in prompt)
    return {"lm_calls": len(prompts), "prompt_tokens": prompt_tokens}


def _calls(turns: Sequence[Turn]) -> list[list[Line]]:
    """The lines of a session for each call, as a reader sees them; of a very long turn only the beginning."""
    header = render_header(turns[0].session, turns[0].time)
    lines = [line for turn in turns for line in render_turn(turn, frozenset(), header)[0] if line.text]
    return [lines[i : i + MAX_TURNS_PER_CALL] for i in range(0, len(lines), MAX_TURNS_PER_CALL)]
