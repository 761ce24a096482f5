"""Rent GPUs at RunPod for the Arbor server that `train.py --backend arbor` talks to, and give them back.

    export RUNPOD_API_KEY=...
    python arbor/deploy.py                                  # 3 x A100; shows the price, asks, waits until Arbor answers
    python arbor/deploy.py --gpu-type L40S --dry-run        # what would be made, its price, whether it is free
    python arbor/deploy.py --tunnel POD_ID                  # Arbor on http://127.0.0.1:7453/v1/ until Ctrl-C
    python arbor/deploy.py --list
    python arbor/deploy.py --terminate POD_ID

Results go to stdout (one JSON document with --json), progress to stderr. arbor/README.md is the manual.
This file is run by path and imports nothing of the project but its neighbours in arbor/.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

from deploy_output import Output
from pod_commands import list_pods, logs, terminate, tunnel
from pod_creation import DEFAULT_VOLUME_GB, create, dry_run, request_from
from pod_request import ARBOR_PORT
from pod_wait import PodFailedError
from runpod_api import open_api
from runpod_types import KEY_VARIABLE, RunPodError
from ssh_access import SshError
from usage_error import UsageError

DEFAULT_IMAGE = "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404"  # for SSH, nginx and Pythons; its torch is unused


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    instead = parser.add_argument_group("instead of making a pod").add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="show the pods that deploy.py made and their cost")
    instead.add_argument("--terminate", nargs="*", metavar="POD_ID", help="delete pods and their volume disks")
    instead.add_argument("--tunnel", metavar="POD_ID", help="open the tunnel to its Arbor server, until Ctrl-C")
    instead.add_argument("--logs", metavar="POD_ID", help="show the last lines of its logs")
    instead.add_argument("--dry-run", action="store_true", help="show the pod and its price, and make nothing")
    group = parser.add_argument_group("the pod")
    group.add_argument("--gpu-type", default="A100", metavar="CARD", help="A100, H100, L40S, 4090, ... (default: A100)")
    group.add_argument(
        "--gpu-count", type=int, default=3, metavar="N", help="one card does inference, the others train (default: 3)"
    )
    group.add_argument("--cloud", choices=("secure", "community"), default="secure", help="default: secure")
    group.add_argument("--data-center", metavar="ID", help="such as US-KS-2 (default: RunPod chooses)")
    group.add_argument(
        "--disk-gb", type=int, default=60, metavar="N", help="container disk, lost at a stop (default: 60)"
    )
    group.add_argument(
        "--volume-gb", type=int, metavar="N", help=f"disk at /workspace, kept at a stop (default: {DEFAULT_VOLUME_GB})"
    )
    group.add_argument("--network-volume", metavar="ID", help="mount this at /workspace instead; it outlives the pod")
    group.add_argument("--image", default=DEFAULT_IMAGE, help="default: %(default)s")
    group.add_argument(
        "--model", default="Qwen/Qwen2.5-3B-Instruct", help="downloaded before the training (default: %(default)s)"
    )
    group.add_argument("--name", default="arbor-grpo", help="default: %(default)s")
    group.add_argument(
        "--max-hours", type=float, default=6.0, metavar="X", help="the pod stops itself after this time (default: 6)"
    )
    group.add_argument(
        "--ssh-key", type=Path, metavar="FILE", help="private key, with its .pub beside it (default: ssh's own)"
    )
    group.add_argument("--public", action="store_true", help="also serve Arbor at a secret address of RunPod's proxy")
    group = parser.add_argument_group("how")
    group.add_argument("--yes", "-y", action="store_true", help="do not ask")
    group.add_argument("--all", action="store_true", help="with --terminate: every pod that deploy.py made")
    group.add_argument(
        "--wait", action=argparse.BooleanOptionalAction, default=True, help="wait until Arbor answers (default)"
    )
    group.add_argument(
        "--timeout-minutes",
        type=_number(float, 0.001, 1440),
        default=45.0,
        metavar="X",
        help="limit of the whole wait (default: 45)",
    )
    group.add_argument(
        "--keep-on-failure",
        action="store_true",
        help="keep a pod that fails to start, so that it can be inspected",
    )
    group.add_argument(
        "--local-port",
        type=_number(int, 1, 65535),
        default=ARBOR_PORT,
        metavar="N",
        help="local port of the tunnel (default: %(default)s)",
    )
    group.add_argument(
        "--tail",
        type=_number(int, 1, 5000),
        default=100,
        metavar="N",
        help="with --logs: how many lines (default: 100)",
    )
    group.add_argument("--api", choices=("rest", "graphql"), default="rest", help="RunPod's interface (default: rest)")
    group.add_argument(
        "--poll-seconds",
        type=_number(float, 0.01, 300),
        default=5.0,
        metavar="X",
        help="time between two requests for a pod's state (default: 5)",
    )
    group.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    """A converter for argparse that checks a range. PodRequest checks the flags that describe the pod."""

    def convert(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"expected {least:g} to {most:g}, got {text}")
        return value

    convert.__name__ = "number"  # argparse quotes it in its message
    return convert


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    output = Output(as_json=args.json, secret=key_of_environment())
    for ending in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:  # a closed terminal; not on Windows
        signal.signal(ending, _interrupt)
    try:
        return run(args, output)
    except UsageError as error:
        output.say(f"deploy.py: {error}")
        return 2
    except (RunPodError, PodFailedError, SshError) as error:
        output.say(f"deploy.py: {error}")
        return 1
    except KeyboardInterrupt:
        output.say("deploy.py: interrupted")
        return 1


def _interrupt(number: int, frame: object) -> None:
    """End like Ctrl-C, so that the clean-up runs."""
    raise KeyboardInterrupt


def key_of_environment() -> str:
    return os.environ.get(KEY_VARIABLE, "").strip()


def run(args: argparse.Namespace, output: Output) -> int:
    """Raises UsageError for bad input; RunPodError, PodFailedError and SshError for what fails."""
    if args.all and args.terminate is None:
        raise UsageError("--all goes with --terminate")
    for pod_id in [*(args.terminate or ()), *(one for one in (args.tunnel, args.logs) if one is not None)]:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", pod_id):
            raise UsageError(f"{pod_id!r} is no pod id: deploy.py --list shows them")
    commands = (
        (list_pods, args.list),
        (terminate, args.terminate is not None),
        (tunnel, args.tunnel),
        (logs, args.logs),
    )
    command = next((one for one, wanted in commands if wanted), None)
    request = None if command else request_from(args)  # so that a bad flag is reported before a missing key
    key = key_of_environment()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise UsageError(f"{KEY_VARIABLE} has characters that no key has: copy it again from RunPod's console")
    if not key and not args.dry_run:
        raise UsageError(
            f"no {KEY_VARIABLE}: make a key in RunPod's console under Settings, then export {KEY_VARIABLE}=..."
        )
    api = open_api(args.api, key)
    if command is not None:
        return command(api, args, output)
    assert request is not None
    if args.dry_run:
        return dry_run(request, args, api, output, ask=bool(key))
    return create(request, args, api, output)


if __name__ == "__main__":
    raise SystemExit(main())
