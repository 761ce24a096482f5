"""The tuning service: any number of workers ask for trials and report their outcomes over HTTP.

    python -m tuning.service                                               # http://127.0.0.1:8000, runs/tuning.journal
    python -m tuning.service --storage postgresql+psycopg2://tuner@db.example/tuner
    export MEMORY_TUNER_TOKEN=$(openssl rand -hex 32)
    python -m tuning.service --host 0.0.0.0                                # other machines, with the token only

The client is `python -m tuning.client`; http://127.0.0.1:8000/openapi.json lists the requests.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("tuning.service")

import argparse
import socket
import sys

from harness.commands import run_command
from memoryqa.errors import StoppedError, UsageError
from tuning.service.token import TOKEN_VARIABLE, service_token
from tuning.studies.storage import DEFAULT_STORAGE, hide_password, open_storage


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tuning.service",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--storage", default=DEFAULT_STORAGE, metavar="LOCATION", help="storage of the studies (default: %(default)s)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="default: %(default)s; 0 for any free one")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return run_command("tuning.service", lambda: serve(args))


def serve(args: argparse.Namespace) -> None:
    """Answer until Ctrl-C or SIGTERM. Raises UsageError for bad flags, StorageUnavailableError, and StoppedError for an
    address that cannot be listened on."""
    token = service_token()
    if not 0 <= args.port <= 65535:
        raise UsageError(f"--port must be in 0..65535, got {args.port}")
    import fastapi  # noqa: F401 (missed first: its extra, [tune], brings the others too)
    import optuna
    import uvicorn

    from tuning.service.app import LOOPBACK, build_app

    if args.host not in LOOPBACK and token is None:
        raise UsageError(
            f"--host {args.host} can be reached by others and needs a token: "
            f"export {TOKEN_VARIABLE}=$(openssl rand -hex 32)"
        )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    app = build_app(open_storage(args.storage), token=token)
    with listen(args.host, args.port) as listener:
        address = f"http://{args.host}:{listener.getsockname()[1]}"
        access = "with a token" if token else "without a token, for this machine only"
        print(f"{address}, studies in {hide_password(args.storage)}, {access}", file=sys.stderr)
        uvicorn.Server(uvicorn.Config(app, access_log=False)).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A socket at the address. Raises StoppedError when it is taken or belongs to another machine."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise StoppedError(f"cannot listen on {host} port {port}: {error.strerror}; choose another --port") from error


if __name__ == "__main__":
    raise SystemExit(main())
