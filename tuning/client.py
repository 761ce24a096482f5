"""A client of the tuning service, for programs and for the command line.

    export MEMORY_TUNER_TOKEN=...                                       # if the service has a token
    python -m tuning.client create mine --preset standard               # or --space space.json
    python -m tuning.client list
    python -m tuning.client --url https://tuner.example status mine
    python -m tuning.client trials mine --state fail
    python -m tuning.client best|pareto|importance|delete mine

The answer is a table on stderr, and one line of JSON on stdout, on a terminal only with --json. To run trials of a
study: `python tune.py worker --service URL`.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("tuning.client")

import argparse
import ipaddress
import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from harness.commands import add_json_flag, print_document, run_command
from harness.tracking.address import in_time
from memoryqa.errors import UsageError
from memoryqa.redaction import redact
from tuning.errors import ServiceError, ServiceUnavailableError, TrialLostError
from tuning.service.token import TOKEN_VARIABLE, service_token
from tuning.studies.constants import LEASE_SEC, PRUNERS, SAMPLERS, STATES

if TYPE_CHECKING:
    import httpx

DEFAULT_URL = "http://127.0.0.1:8000"
_PAGE = 1_000
_SHOWN = ("name", "number", "state", "values", "best_value", "trials", "params", "parameter", "share", "deleted")
_FIRST_PAUSE_SEC = 0.2


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class TunerClient:
    """The service at `url`. Methods return the service's JSON documents.

    A request is sent again for `patience_sec` while the service, or its storage, does not answer: every request may be
    sent twice. Raises ServiceError for a refusal, ServiceUnavailableError without an answer.
    """

    def __init__(
        self, url: str = DEFAULT_URL, *, token: str | None = None, timeout_sec: float = 30.0, patience_sec: float = 0.0
    ) -> None:
        import httpx

        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            httpx.URL(url.rstrip("/"))
        except httpx.InvalidURL as error:
            raise UsageError(f"the address {url!r} cannot be read: {error}") from None
        try:
            self._http = httpx.Client(
                base_url=url.rstrip("/"),
                headers=headers,
                timeout=timeout_sec,
                trust_env=not _is_loopback(url),  # a proxy cannot reach this machine's own address
            )
        except ImportError as error:
            raise UsageError(
                f"ALL_PROXY names a SOCKS proxy, which needs another package ({error}): pip install 'httpx[socks]', or "
                "export NO_PROXY with the service's host"
            ) from None
        except (ValueError, httpx.InvalidURL) as error:  # the address is one, so that a proxy's is none
            raise UsageError(
                f"HTTP_PROXY, HTTPS_PROXY, ALL_PROXY or NO_PROXY cannot be read ({redact(str(error))}): mend it, or "
                "unset it"
            ) from None
        if self._http.base_url.scheme not in ("http", "https") or not self._http.base_url.host:
            raise UsageError(f"the address {url!r} is none of a service: give http://HOST:PORT")
        self.url = url
        self._patience_sec, self._timeout_sec = patience_sec, timeout_sec

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.close()

    def create_study(self, name: str, **spec: Any) -> dict[str, Any]:
        """`spec`: space or preset, directions, seed, sampler, pruner, settings."""
        return self._call("POST", "studies", json={"name": name, **spec})

    def studies(self) -> list[dict[str, Any]]:
        return self._call("GET", "studies")

    def study(self, name: str) -> dict[str, Any]:
        return self._call("GET", f"studies/{name}")

    def delete_study(self, name: str) -> None:
        self._call("DELETE", f"studies/{name}")

    def suggest(self, name: str, worker_id: str, *, lease_sec: float = LEASE_SEC) -> dict[str, Any]:
        return self._call("POST", f"studies/{name}/suggest", json={"worker_id": worker_id, "lease_sec": lease_sec})

    def suggest_within(
        self, name: str, worker_id: str, n_trials: int, *, lease_sec: float = LEASE_SEC
    ) -> dict[str, Any] | None:
        """A trial of the study's `n_trials`; None when others hold the remaining ones."""
        body = {"worker_id": worker_id, "lease_sec": lease_sec, "n_trials": n_trials}
        answer: dict[str, Any] | None = self._call("POST", f"studies/{name}/suggest", json=body)
        return answer

    def report(
        self,
        name: str,
        number: int,
        values: Mapping[int, float],
        *,
        user_attrs: Mapping[str, Any] | None = None,
        lease_sec: float = LEASE_SEC,
    ) -> bool:
        """Whether to prune the trial. Raises TrialLostError, as the next three do."""
        body = {"values": dict(values), "user_attrs": dict(user_attrs or {}), "lease_sec": lease_sec}
        return bool(self._tell(name, number, "report", body)["should_prune"])

    def complete(self, name: str, number: int, values: Sequence[float | None]) -> dict[str, Any]:
        """A value that is no finite number makes the trial a failed one."""
        return self._tell(name, number, "complete", {"values": [_sendable(value) for value in values]})

    def fail(self, name: str, number: int, error: str, *, lost: bool = False) -> dict[str, Any]:
        return self._tell(name, number, "fail", {"error": error[:10_000], "lost": lost})

    def prune(self, name: str, number: int) -> dict[str, Any]:
        return self._tell(name, number, "prune", {})

    def trials(self, name: str, *, state: str | None = None) -> list[dict[str, Any]]:
        """All trials, fetched page by page."""
        found: list[dict[str, Any]] = []
        chosen = {} if state is None else {"state": state}
        while True:
            query = {"limit": _PAGE, "offset": len(found), **chosen}
            page = self._call("GET", f"studies/{name}/trials", params=query)
            found += page
            if len(page) < _PAGE:
                return found

    def best(self, name: str) -> dict[str, Any]:
        return self._call("GET", f"studies/{name}/best")

    def pareto(self, name: str) -> list[dict[str, Any]]:
        return self._call("GET", f"studies/{name}/pareto")

    def importance(self, name: str) -> dict[str, float] | None:
        return self._call("GET", f"studies/{name}/importance")["importance"]

    def _tell(self, name: str, number: int, what: str, body: Mapping[str, Any]) -> Any:
        try:
            return self._call("POST", f"studies/{name}/trials/{number}/{what}", json=body)
        except ServiceError as error:
            if error.status != 409:
                raise
            raise TrialLostError(str(error)) from None

    def _call(self, method: str, path: str, **request: Any) -> Any:
        import httpx

        give_up, pause = time.monotonic() + self._patience_sec, _FIRST_PAUSE_SEC
        while True:
            try:
                response = in_time(partial(self._http.request, method, f"/{path}", **request), 2 * self._timeout_sec)
                problem = "" if response.status_code != 503 else _detail(response)
            except (httpx.TransportError, TimeoutError) as error:
                problem = str(error) or type(error).__name__
            if not problem:
                return self._answer(response)
            if time.monotonic() + pause > give_up:
                raise ServiceUnavailableError(f"the tuning service at {self.url} does not answer: {problem}")
            time.sleep(pause)
            pause *= 2

    def _answer(self, response: httpx.Response) -> Any:
        if response.status_code == 401:
            raise ServiceError(f"the service wants its token: export {TOKEN_VARIABLE}=...", 401)
        if response.is_error:
            raise ServiceError(_detail(response), response.status_code)
        if response.status_code == 204:
            return None
        try:
            return response.json()
        except ValueError:
            raise ServiceUnavailableError(f"what answers at {self.url} is not the tuning service") from None


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tuning.client", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default=DEFAULT_URL, help="address of the service (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_json_flag(commands.add_parser("list", help="the studies"))
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("study")
        add_json_flag(command)
        if name == "create":
            _add_creation_flags(command)
        if name == "trials":
            command.add_argument("--state", choices=STATES)
    return parser


_COMMANDS = {
    "create": "make a study",
    "status": "a study's settings and the number of its trials by state",
    "trials": "the trials",
    "best": "the best trial of a study with one objective",
    "pareto": "the trials that no other beats",
    "importance": "which parameters matter",
    "delete": "remove a study and its trials",
}


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return run_command("tuning.client", lambda: _answer(args))


def _answer(args: argparse.Namespace) -> None:
    with TunerClient(args.url, token=service_token()) as client:
        answer = run(args, client)
    show(answer)
    print_document(answer, as_json=args.json)


def show(answer: Any) -> None:
    """Print what people look for in `answer` as a table on stderr."""
    from harness.terminal import rows_table, stderr_console

    rows = answer if isinstance(answer, list) else [answer]
    if rows and "importance" in rows[0]:
        rows = [{"parameter": name, "share": f"{share:.3f}"} for name, share in rows[0]["importance"].items()]
    shown = [{name: _cell(value) for name, value in row.items() if name in _SHOWN} for row in rows]
    stderr_console(highlight=False).print(rows_table(shown) if shown else "none")


def run(args: argparse.Namespace, client: TunerClient) -> Any:
    """The answer to one command. Raises UsageError for a bad space, and the errors of TunerClient."""
    match args.command:
        case "list":
            return client.studies()
        case "create":
            return client.create_study(args.study, **_spec(args))
        case "status":
            return client.study(args.study)
        case "trials":
            return client.trials(args.study, state=args.state)
        case "delete":
            client.delete_study(args.study)
            return {"deleted": args.study}
        case "best":
            return client.best(args.study)
        case "pareto":
            return client.pareto(args.study)
        case _:
            return {"importance": client.importance(args.study)}


def _add_creation_flags(command: argparse.ArgumentParser) -> None:
    space = command.add_mutually_exclusive_group(required=True)
    space.add_argument("--preset", metavar="NAME", help="quick, standard, full or compaction")
    space.add_argument("--space", type=Path, metavar="FILE", help="a search space in JSON")
    command.add_argument("--directions", default="maximize", help="comma-separated, one per objective")
    command.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    command.add_argument("--sampler", choices=SAMPLERS, default="tpe", help="default: %(default)s")
    command.add_argument("--pruner", choices=PRUNERS, default="none", help="default: %(default)s")
    command.add_argument(
        "--settings", type=json.loads, default={}, metavar="JSON", help="handed to the workers unchanged"
    )


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _spec(args: argparse.Namespace) -> dict[str, Any]:
    spec = {"seed": args.seed, "sampler": args.sampler, "pruner": args.pruner, "settings": args.settings}
    spec["directions"] = args.directions.split(",")
    if args.space is None:
        return {**spec, "preset": args.preset}
    try:
        return {**spec, "space": json.loads(args.space.read_text())}
    except OSError as error:
        raise UsageError(f"cannot read {args.space}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{args.space} is not JSON: {error}") from None


def _sendable(value: float | None) -> float | None:
    """None for NaN and infinity, which JSON lacks: the service fails a trial with null."""
    return None if value is None or value != value or value in (float("inf"), float("-inf")) else float(value)


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}"


if __name__ == "__main__":
    raise SystemExit(main())
