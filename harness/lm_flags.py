"""The flags by which every script says how its LMs are asked, one set for each role.

--max-tokens, --timeout and --structured hold for all roles of a script; --judge-max-tokens and the like for one. An
effort holds for its own role only: another role's model may have none.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from memoryqa.lms.identity import EFFORTS, LMChoice, LMSettings

MAX_TOKENS = {
    "help": "tokens of a reply at most, thoughts included; none: 1,024, or 16,000 for a model that thinks first",
}
EFFORT = {"help": "how long a model that has it reasons; none: the provider's default", "choices": EFFORTS}
REASONING = {
    "help": "on: a reasoning model of OpenAI's is behind this name; off: none is, though the name looks like one; "
    "auto: by the name",
    "choices": ("auto", "on", "off"),
}
STRUCTURED = {
    "help": "have the servers enforce the form of replies, as JSON of a schema (response_format): for small models and "
    "those that were never taught to follow instructions"
}
NUM_CTX = {"help": "the window to ask of Ollama, in tokens; none: the server's own, which is 4,096 by default"}
_TIMEOUT = "seconds for one call, up to the last byte of its answer (default: 120; 600 where the model thinks)"


def add_timeout_flag(group: argparse._ActionsContainer) -> None:
    """--timeout, for the calls of all roles."""
    group.add_argument("--timeout", type=positive_number, metavar="SEC", help=_TIMEOUT)


def add_role_flags(group: argparse._ActionsContainer, prefix: str = "") -> None:
    """--PREFIX-max-tokens, --PREFIX-timeout, --PREFIX-reasoning-effort and --PREFIX-reasoning of one role."""
    lead = f"--{prefix}-" if prefix else "--"
    of = f" (the {prefix} LM; default: as --{{}})" if prefix else ""
    group.add_argument(
        f"{lead}max-tokens",
        type=positive_whole,
        metavar="N",
        help="tokens of a reply at most" + of.format("max-tokens"),
    )
    group.add_argument(
        f"{lead}timeout", type=positive_number, metavar="SEC", help="seconds for one call" + of.format("timeout")
    )
    group.add_argument(f"{lead}reasoning-effort", choices=EFFORTS, help="how long it reasons, where it has that")
    group.add_argument(
        f"{lead}reasoning",
        choices=("auto", "on", "off"),
        default="auto",
        help="is it a reasoning model under an alias?",
    )
    if not prefix:
        group.add_argument("--structured", action="store_true", help=STRUCTURED["help"])


def settings_of(config: Any, args: argparse.Namespace, *, prefix: str = "") -> LMSettings:
    """The settings of a role whose fields are in `config`; --timeout is in `args`, since it may change at a resume."""
    lead = f"{prefix}_" if prefix else ""
    return LMSettings(
        max_tokens=getattr(config, f"{lead}max_tokens") or getattr(config, "max_tokens", None),
        timeout_sec=_of(args, f"{lead}timeout") or _of(args, "timeout"),
        reasoning_effort=getattr(config, f"{lead}reasoning_effort"),
        reasoning=_reasoning(getattr(config, f"{lead}reasoning", "auto")),
        num_ctx=getattr(config, "num_ctx", None) if not prefix else None,
        structured=getattr(config, "structured", False) or None,
    )


def role_settings(args: argparse.Namespace, prefix: str = "", otherwise: LMSettings | None = None) -> LMSettings:
    """The settings of a role whose flags `add_role_flags` made; what holds for all roles comes from `otherwise`."""
    lead, shared = f"{prefix}_" if prefix else "", otherwise or LMSettings()
    return LMSettings(
        max_tokens=_of(args, f"{lead}max_tokens") or shared.max_tokens,
        timeout_sec=_of(args, f"{lead}timeout") or shared.timeout_sec,
        reasoning_effort=_of(args, f"{lead}reasoning_effort"),
        reasoning=_reasoning(_of(args, f"{lead}reasoning")),
        structured=(_of(args, "structured") if not prefix else None) or shared.structured,
    )


def saved_fields(fields: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """`fields` of a config without those of `added` that have their default there: older runs do not have them."""
    return {name: value for name, value in fields.items() if name not in added or value != added[name]}


def record_of(choices: Mapping[str, LMChoice | None]) -> dict[str, Any]:
    """By role what a run's config says of its LMs besides their models; roles without anything to say are left out."""
    return {role: choice.record for role, choice in choices.items() if choice is not None and choice.record}


def positive_whole(text: str) -> int:
    """A whole number above 0, from a flag."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def positive_number(text: str) -> float:
    """A number above 0, from a flag."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


def _of(args: argparse.Namespace, name: str) -> Any:
    return getattr(args, name, None)


def _reasoning(word: str | None) -> bool | None:
    return {"on": True, "off": False}.get(word or "auto")
