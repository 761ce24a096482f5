"""The tuning service: any number of workers ask for trials and tell their outcome over HTTP.

    python -m tuning.service                                               # http://127.0.0.1:8000, runs/tuning.journal
    python -m tuning.service --storage postgresql+psycopg2://tuner@db.example/tuner
    export MEMORY_TUNER_TOKEN=$(openssl rand -hex 32)
    python -m tuning.service --host 0.0.0.0                                # other machines: with the token only

The client is `python -m tuning.client`; what can be asked is in http://127.0.0.1:8000/openapi.json.
"""

from __future__ import annotations

import argparse
import socket
import sys

from tuning.errors import StorageUnavailableError
from tuning.service.token import TOKEN_VARIABLE, service_token
from tuning.studies.storage import DEFAULT_STORAGE, hide_password, open_storage


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tuning.service",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--storage", default=DEFAULT_STORAGE, metavar="LOCATION", help="where the studies are (default: %(default)s)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="default: %(default)s; 0 for any free one")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    try:
        return serve(args)
    except ValueError as error:
        print(f"tuning.service: {error}", file=sys.stderr)
        return 2
    except (StorageUnavailableError, OSError) as error:
        print(f"tuning.service: {error}", file=sys.stderr)
        return 1


def serve(args: argparse.Namespace) -> int:
    """Answer until Ctrl-C or SIGTERM. Raises ValueError for bad flags, StorageUnavailableError and OSError."""
    token = service_token()
    if not 0 <= args.port <= 65535:
        raise ValueError(f"--port must be in 0..65535, got {args.port}")
    try:
        import optuna
        import uvicorn

        from tuning.service.app import LOOPBACK, build_app
    except ModuleNotFoundError as error:
        raise ValueError(f"the service needs {error.name}: pip install '.[tune]'") from None
    if args.host not in LOOPBACK and token is None:
        raise ValueError(
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
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A socket at the address. Raises OSError, in one line, when it is taken or not this machine's."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise OSError(f"cannot listen on {host} port {port}: {error.strerror}; choose another --port") from error


if __name__ == "__main__":
    raise SystemExit(main())
