"""`memoryqa serve`: the chats of this machine for other programs, by HTTP with a page, or by MCP alone."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from memoryqa.errors import UsageError, missing_extras_named
from memoryqa.home.folder import HOME, store_folder
from memoryqa.lms.flags import add_model, lm_settings
from memoryqa.serve.hosts import is_loopback

if TYPE_CHECKING:
    from memoryqa.lms.identity import LMSettings
    from memoryqa.serve.asking import Asking
    from memoryqa.serve.mcp_server import Ask
    from memoryqa.serve.operations import Operations

TOKEN = "MEMORYQA_TOKEN"
TOKENS = "tokens.json"
PORT = 8765
RATE = 500.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mcp", action="store_true", help="only the Model Context Protocol, by default over stdin")
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FOLDER",
        help=f"where the chats are (default: {HOME}, or memoryqa in the folder for data of this user)",
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help=f"serve by HTTP at this port (default: {PORT}; with --mcp over stdin)"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help=f"listen there (default: %(default)s); other than loopback only with a token: {TOKEN}, or --tokens",
    )
    add_model(parser)
    parser.add_argument(
        "--only", action="append", metavar="CHAT", help="with --mcp or --new-token: this chat alone; may be repeated"
    )
    parser.add_argument("--read-only", action="store_true", help="with --mcp or --new-token: nothing can be changed")
    http = parser.add_argument_group("HTTP without --mcp")
    http.add_argument(
        "--tokens", type=Path, metavar="FILE", help="tokens with limits (default: tokens.json in the store, if there)"
    )
    http.add_argument(
        "--new-token", metavar="NAME", help="make a token, note its hash in the file of tokens, print it, and end"
    )
    http.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="on loopback, a name by which a reverse proxy asks for this server; may be repeated",
    )
    http.add_argument(
        "--rate",
        type=float,
        metavar="N",
        help=f"requests a second by token or address at most (default: {RATE:g})",
    )


def serve(args: argparse.Namespace) -> None:
    """Serve until the client closes stdin, or by HTTP until SIGINT or SIGTERM. Raises UsageError, MissingExtraError."""
    _check(args)
    folder = store_folder(args.store)
    if args.new_token is not None:
        from memoryqa.serve.tokens import new_token

        print(new_token(args.tokens or folder / TOKENS, args.new_token, args.only, read_only=args.read_only))
        return
    with missing_extras_named("memoryqa serve", extra="serve"):
        import fastapi  # noqa: F401
        import python_multipart  # noqa: F401
    if args.mcp:
        _serve_mcp(args, folder)
    else:
        _serve_http(args, folder)


def _check(args: argparse.Namespace) -> None:
    """UsageError for an option that would do nothing: who sets a limit must not believe in one that is not there."""
    if (args.only or args.read_only) and not (args.mcp or args.new_token is not None):
        raise UsageError(
            "--only and --read-only need --mcp or --new-token; a server by HTTP is limited by its clients' tokens"
        )
    given = {"--tokens": args.tokens, "--allow-host": args.allow_host, "--rate": args.rate}
    if args.mcp and (unused := [name for name, value in given.items() if value not in (None, [])]):
        raise UsageError(f"--mcp takes no {unused[0]}; without --mcp there are the page, the API and MCP at /mcp")


def _serve_mcp(args: argparse.Namespace, folder: Path) -> None:
    token = os.environ.get(TOKEN) or None
    if args.port is not None and token is None and not is_loopback(args.host):
        raise UsageError(f"--host {args.host} is open to others: set {TOKEN} to a secret that clients send")
    from memoryqa.memories import Memories
    from memoryqa.serve.mcp_package import make_server_of
    from memoryqa.serve.operations import Operations
    from memoryqa.serve.tokens import Access

    lm = args.model, args.api_base, lm_settings(args)
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        access = Access("mcp", None if args.only is None else frozenset(args.only), args.read_only)
        server = make_server_of(operations, _asker(asking(operations, *lm)))(access)
        if args.port is None:
            threading.Thread(target=_prepare, name="prepare", daemon=True).start()
            server.run("stdio")
            return
        from memoryqa.serve.http import run_mcp

        print(f"serving {folder} at http://{args.host}:{args.port}/mcp", file=sys.stderr)
        run_mcp(server, args.host, args.port, token, _prepare)


def _serve_http(args: argparse.Namespace, folder: Path) -> None:
    from memoryqa.serve.tokens import Tokens, checked_token

    path = args.tokens or (folder / TOKENS if (folder / TOKENS).exists() else None)
    tokens = Tokens(checked_token(os.environ.get(TOKEN), TOKEN), path)
    on_loopback = is_loopback(args.host)
    if not on_loopback and not tokens.are_needed:
        raise UsageError(f"--host {args.host} is open to others: set {TOKEN} to a secret that clients send")
    rate = RATE if args.rate is None else args.rate
    if not 0 < rate < 1e9:
        raise UsageError(f"--rate must be more than 0, got {rate:g}")
    from memoryqa.memories import Memories
    from memoryqa.serve.api.app import Settings, make_app
    from memoryqa.serve.api.guard import Limits
    from memoryqa.serve.http import run_app
    from memoryqa.serve.mcp_package import make_server_of
    from memoryqa.serve.operations import Operations

    lm = args.model, args.api_base, lm_settings(args)
    with Memories.open(folder) as memories:
        operations = Operations(memories)
        reader = asking(operations, *lm)
        limits = Limits(rate=rate, burst=2 * rate)
        hosts = [name.lower() for name in args.allow_host] if on_loopback else None
        settings = Settings(tokens, folder, hosts, limits)
        app, state = make_app(operations, reader, make_server_of(operations, _asker(reader)), settings)
        port = PORT if args.port is None else args.port
        shown = f"[{args.host}]" if ":" in args.host else args.host
        print(f"serving {folder} at http://{shown}:{port}", file=sys.stderr)
        run_app(app, args.host, port, state.stop, _prepare)


def _prepare() -> None:
    """Load what counts tokens: 0.3 s beside the first requests, which count a little without it."""
    from memoryqa.tokens import VocabularyError, encoding

    with suppress(VocabularyError):  # a request says so
        encoding()


def asking(
    operations: Operations, model: str | None, api_base: str | None = None, settings: LMSettings | None = None
) -> Asking:
    """What answers questions: the LM that is configured, or the offline reader. UsageError."""
    from memoryqa.asking.readers import choose_reader
    from memoryqa.serve.asking import Asking

    return Asking(operations, *choose_reader(model, api_base, settings))


def _asker(reader: Asking) -> Ask | None:
    """What answers a question of MCP: the LM that is configured; None without one."""
    return None if reader.model is None else reader.answer
