"""The flags of a command that say which LM answers and how it is asked."""

from __future__ import annotations

import argparse
import math

from memoryqa.errors import UsageError
from memoryqa.lms.identity import EFFORTS, LMSettings


def add_model(parser: argparse.ArgumentParser) -> None:
    """--model, --api-base, and how it is asked; see `lm_settings`."""
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="the LM that answers, openai/gpt-5.4-mini or ollama_chat/llama3.2; offline: the reader without a model "
        "(default: MEMORY_MODEL, or what a key is set for, else offline)",
    )
    parser.add_argument("--api-base", metavar="URL", help="where the LM is served, if not at its provider's")
    parser.add_argument(
        "--timeout",
        type=float,
        metavar="SEC",
        help="seconds for one of its calls (default: 120; 600 where the model thinks first)",
    )
    parser.add_argument(
        "--structured",
        action="store_true",
        help="have the server enforce the form of replies (response_format): for small models",
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        metavar="N",
        help="tokens of a reply, thoughts included, at most (default: 1024; 16000)",
    )
    parser.add_argument("--reasoning-effort", choices=EFFORTS, help="how long the LM reasons, where it has that")
    parser.add_argument(
        "--num-ctx", type=int, metavar="N", help="the window to ask of Ollama, in tokens (default: its own)"
    )


def lm_settings(args: argparse.Namespace) -> LMSettings:
    """What the flags of `add_model` say of the LM. Raises UsageError."""
    if args.timeout is not None and not 0 < args.timeout < math.inf:
        raise UsageError(f"--timeout must be a number above 0, got {args.timeout:g}")
    for flag, number in (("--max-tokens", args.max_tokens), ("--num-ctx", args.num_ctx)):
        if number is not None and number < 1:
            raise UsageError(f"{flag} must be at least 1, got {number}")
    return LMSettings(
        max_tokens=args.max_tokens,
        timeout_sec=args.timeout,
        reasoning_effort=args.reasoning_effort,
        num_ctx=args.num_ctx,
        structured=args.structured or None,
    )
