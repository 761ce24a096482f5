"""Tags of the turns: read from --tags FILE, and written there first by --tag-model where they are missing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.flags import with_flags
from locomo.questions import Selection
from memoryqa.errors import UsageError
from memoryqa.lms.roles import LMChoice, LMSettings, describe, most_reply_tokens, resolve
from memoryqa.tags.files import Tags, add_tags, load_tags, open_tags, origin_of, save_tags
from memoryqa.turns import Turn

Conversations = Mapping[str, tuple[Turn, ...]]
AddTags = Callable[[Conversations], Conversations]


def choose_tags(
    path: str | None, model: str | None, api_base: str | None, *, dry_run: bool, settings: LMSettings | None = None
) -> AddTags:
    """What puts the tags of the file on the turns, writing what is missing with the LM of the role `index`.

    It raises UsageError for a file or a model that cannot be used, LMUnavailable and TaggingStoppedError.
    """
    if path is None:
        if model or api_base:
            raise UsageError("--tag-model writes the tags into a file: name it too, e.g. --tags tags.json")
        return lambda conversations: conversations
    choice = resolve("index", model=model, api_base=api_base, settings=settings)
    if choice.offline:
        raise UsageError("--tag-model offline: the offline reader cannot write tags; name a model, or none")

    def add(conversations: Conversations) -> Conversations:
        tags = load_tags(path) if choice.model is None or Path(path).exists() else Tags()
        if choice.model is not None and any(tags.untagged(conversations)):
            tags = write_tags(path, choice, conversations, dry_run=dry_run)
        if untagged := len(list(tags.untagged(conversations))):
            print(f"{path}: {untagged} sessions are not tagged, or not all of their turns", file=sys.stderr)
        return {name: tuple(turns) for name, turns in add_tags(conversations, tags).items()}

    return add


def write_tags(path: str, choice: LMChoice, conversations: Conversations, *, dry_run: bool) -> Tags:
    """Have the LM of `choice` read the sessions that are not in the file, which is saved after each of them."""
    from harness.progress import counting
    from memory_system import prompt_digests
    from memoryqa.lms.preflight import is_systemic, preflight
    from memoryqa.lms.prices import TokenUse, dollars, model_facts, total_cost
    from memoryqa.lms.roles import build
    from memoryqa.redaction import redact
    from memoryqa.tags.writing import SessionTagger, tag_conversations, tagging_cost

    tagger = SessionTagger()
    tags = open_tags(path, f"{choice.identity}, prompt {prompt_digests(tagger)['tag_session']}")
    cost = tagging_cost(tagger, conversations, tags)
    print(with_flags(describe(choice)), file=sys.stderr)
    longest = TokenUse(cost["prompt_tokens"], cost["lm_calls"] * most_reply_tokens(choice))
    most_usd = total_cost([(model_facts(choice).price, longest)])
    known = f"no price is known of {choice.model}" if most_usd is None else f"at most {dollars(max(most_usd, 0.01))}"
    print(f"{path}: {cost['lm_calls']} LM calls, {cost['prompt_tokens']:,} prompt tokens; {known}", file=sys.stderr)
    if dry_run:
        return tags
    lm = build(choice)
    preflight(lm, choice)
    tagger.set_lm(lm)
    with counting("tagging sessions", total=len(list(tags.untagged(conversations)))) as advance:

        def on_session(num_failed: int) -> None:
            save_tags(path, tags)
            advance(f"{num_failed} failed" if num_failed else "")

        report = tag_conversations(tagger, conversations, tags, on_session=on_session, is_systemic=is_systemic)
    for failure in report.failures:
        print(with_flags(redact(f"not tagged: {failure}")), file=sys.stderr)
    return tags


def tags_of(path: str, selection: Selection) -> dict[str, str | int]:
    """Where the tags of a run come from, for its record."""
    if not Path(path).exists():  # --dry-run writes none
        return {}
    return origin_of(path, load_tags(path), selection.conversations)
