"""The flags of evaluate.py."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluation.config import EvaluationConfig
from harness.commands import add_json_flag
from harness.flags import add_flags, add_tracking_flags
from harness.lm_flags import add_role_flags, add_timeout_flag
from locomo.judging.names import JUDGE_NAMES, judge_names
from memoryqa.config import MemoryConfig, ProgramConfig


def build_parser(description: str | None) -> argparse.ArgumentParser:
    """`description` stands above the flags in --help."""
    parser = argparse.ArgumentParser(
        prog="evaluate.py", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_flags(parser, EvaluationConfig, "what is asked")
    add_flags(parser, MemoryConfig, "the memory (a flag takes precedence over --parameters)")
    add_flags(parser, ProgramConfig, "the program (likewise)")
    group = parser.add_argument_group("the run")
    folder = group.add_mutually_exclusive_group()
    folder.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="a new folder for the results (default: runs/TIME-ID)"
    )
    folder.add_argument("--resume", type=Path, metavar="RUN_DIR", help="finish that run: only what is missing is asked")
    group.add_argument("--dry-run", action="store_true", help="print LM calls, tokens and dollars, and spend none")
    add_json_flag(group)
    add_timeout_flag(group)
    group = parser.add_argument_group("tags of the turns")
    group.add_argument(
        "--tag-model", metavar="NAME", help="have this LM write what is missing in --tags FILE first, a call a session"
    )
    group.add_argument("--tag-api-base", metavar="URL", help="address of its server")
    add_role_flags(group, "tag")
    group = parser.add_argument_group("judging the answers (python -m locomo.llm_judge does it afterwards)")
    group.add_argument("--judge-model", metavar="NAME", help="LiteLLM name; without it MEMORY_JUDGE_MODEL, or no judge")
    group.add_argument("--judge-api-base", metavar="URL", help="address of the judge's server")
    add_role_flags(group, "judge")
    group.add_argument(
        "--judge", type=judge_names, default=JUDGE_NAMES, metavar="NAME,...", help="default: lenient,strict,abstention"
    )
    group.add_argument(
        "--judge-votes", type=int, choices=(1, 3, 5), default=1, help="readings per answer (default: 1; 3 to publish)"
    )
    group = add_tracking_flags(parser)
    group.add_argument(
        "--trace-sample",
        type=float,
        default=0.05,
        metavar="X",
        help="share of the questions whose traces are kept (default: %(default)s)",
    )
    return parser
