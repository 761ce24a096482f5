"""`memoryqa serve`: the MCP server over the chats of this machine, for one program by stdio or for several by HTTP."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from memoryqa.errors import UsageError, missing_extras_named
from memoryqa.home.folder import HOME, store_folder

if TYPE_CHECKING:
    from memoryqa.serve.mcp_server import Ask
    from memoryqa.serve.operations import Operations

TOKEN = "MEMORYQA_TOKEN"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mcp", action="store_true", required=True, help="by the Model Context Protocol")
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FOLDER",
        help=f"where the chats are (default: {HOME}, or memoryqa in the folder for data of this user)",
    )
    parser.add_argument("--port", type=int, metavar="N", help="serve by HTTP at this port rather than over stdin")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help=f"with --port (default: %(default)s); other than loopback only with {TOKEN} set, which clients then send "
        "as a bearer token",
    )
    parser.add_argument(
        "--model", metavar="NAME", help="the LM of the tool `ask` (default: MEMORY_MODEL, or what a key is set for)"
    )


def serve(args: argparse.Namespace) -> None:
    """Serve until the client closes stdin, or by HTTP until SIGINT or SIGTERM. Raises UsageError, MissingExtraError."""
    with missing_extras_named("memoryqa serve"):
        import mcp.server  # noqa: F401
    token = os.environ.get(TOKEN) or None
    if args.port is not None and token is None and not _is_loopback(args.host):
        raise UsageError(f"--host {args.host} is open to others: set {TOKEN} to a secret that clients send")
    from memoryqa.memories import Memories
    from memoryqa.serve.mcp_server import make_server
    from memoryqa.serve.operations import Operations

    folder = store_folder(args.store)
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        server = make_server(operations, asker(operations, args.model))
        if args.port is None:
            server.run("stdio")
            return
        from memoryqa.serve.http import run_http

        print(f"serving {folder} at http://{args.host}:{args.port}/mcp", file=sys.stderr)
        run_http(server, args.host, args.port, token)


def asker(operations: Operations, model: str | None) -> Ask | None:
    """What answers a question by the LM that is configured; None without one."""
    from memoryqa.lms.roles import build, resolve

    choice = resolve("task", model=model)
    if choice.offline or choice.model is None:
        return None
    from memoryqa.serve.answering import Answerer

    return Answerer(operations, build(choice), choice.model)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
