"""A real PostgreSQL server on 127.0.0.1, for tests; nothing is downloaded.

Its programs must be installed (`apt-get install postgresql`). Where they are not, a test that needs them is skipped
with that reason, and fails in CI, which must have them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ports import free_port

_DEBIAN = Path("/usr/lib/postgresql")
USER = "tuner"


def find_programs() -> Path | None:
    """The folder of initdb and pg_ctl, of the newest version; None when PostgreSQL is not installed."""
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    installed = [path.parent for path in _DEBIAN.glob("*/bin/initdb")]
    return max(installed, key=lambda folder: int(folder.parent.name), default=None)


@contextmanager
def run_postgres() -> Iterator[str]:
    """The storage location of an empty database, which is gone afterwards."""
    programs = find_programs()
    if programs is None:
        reason = "no PostgreSQL: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    # not in pytest's folder, which is closed to the user that the server runs as
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder, owner, port = Path(name), _owner(), free_port()
        if owner is not None:
            shutil.chown(folder, owner)

        def call(program: str, *arguments: str) -> None:
            # output to a file: the server inherits it, and a pipe would stay open as long as it runs
            with (folder / f"{program}.log").open("wb") as log:
                command = [str(programs / program), "-D", str(folder / "data"), *arguments]
                outcome = subprocess.run(command, stdout=log, stderr=log, user=owner, cwd=folder, check=False)
            assert outcome.returncode == 0, (folder / f"{program}.log").read_text()

        call("initdb", "--username", USER, "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        call("pg_ctl", "-w", "-o", options, "start")
        try:
            yield f"postgresql+psycopg2://{USER}@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-m", "immediate", "stop")


def _owner() -> str | None:
    """The server refuses to run as root: then it runs as `postgres`, or as `nobody`."""
    if os.geteuid() != 0:
        return None
    return "postgres" if any(one.pw_name == "postgres" for one in pwd.getpwall()) else "nobody"
