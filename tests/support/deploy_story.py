"""What the tests of arbor/deploy.py share: a RunPod, a pod with SSH and Arbor, and the command line between them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checkout import ROOT
from http_stand_in import Fault, FixedAnswers
from runpod_server import RunPodServer
from ssh_stand_in import SshStandIn
from waiting import DEADLINE_SEC

DEPLOY = ROOT / "arbor" / "deploy.py"
KEY = "rpa_PLANTED_0123456789_KEY"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPublic"


class Story:
    """Run deploy.py as a person would, and keep all that it says; `check_key` looks for the planted key in it."""

    def __init__(self, folder: Path, server: RunPodServer, pod: SshStandIn, api: str) -> None:
        self.server, self.pod, self.api = server, pod, api
        self.said: list[str] = []
        home = folder / "home"
        (home / ".ssh").mkdir(parents=True)
        (home / ".ssh" / "id_ed25519").write_text("PRIVATE")
        (home / ".ssh" / "id_ed25519.pub").write_text(f"{PUBLIC_KEY} somebody's laptop\n")
        self.home = home
        self.environment = {
            "PATH": f"{pod.bin}:{os.environ['PATH']}",
            "HOME": str(home),
            "RUNPOD_API_BASE_URL": server.base_url,
            "RUNPOD_API_KEY": KEY,
        }

    def start(self, *flags: str) -> subprocess.Popen[str]:
        """deploy.py, running; what it says is to be read with `finish`."""
        command = [sys.executable, str(DEPLOY), "--poll-seconds", "0.05", "--api", self.api, *flags]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=self.environment, start_new_session=True
        )

    def finish(self, process: subprocess.Popen[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        try:
            out, err = process.communicate(stdin, timeout=DEADLINE_SEC)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"deploy.py did not end; it said:\n{out}\n{err}") from None
        self.said += [out, err]
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def run(self, *flags: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self.finish(self.start(*flags), stdin)

    def interrupt(self, process: subprocess.Popen[str], number: int = signal.SIGINT) -> None:
        """Ctrl-C, as a terminal sends it: to the process and its children."""
        os.killpg(process.pid, number)

    def made(self) -> list[str]:
        """Ids of the pods that there are and were, oldest first."""
        return sorted({*self.server.pods, *self.server.terminated})

    def check_key(self) -> None:
        """The key is in the Authorization header and nowhere else."""
        for request in self.server.requests:
            headers = {name: value for name, value in request.headers.items() if name != "authorization"}
            assert KEY not in f"{request.path} {headers} {request.text}"
        assert KEY not in json.dumps(self.pod.calls)
        assert KEY not in "".join(self.said)


@contextmanager
def open_story(folder: Path, api: str) -> Iterator[Story]:
    with serve_arbor() as port, RunPodServer(key=KEY, ssh=("127.0.0.1", 2222)) as server:
        story = Story(folder, server, SshStandIn(folder / "pod", port), api)
        yield story
        story.check_key()


@contextmanager
def serve_arbor() -> Iterator[int]:
    """The port of a server that answers as Arbor's does where deploy.py looks."""
    with FixedAnswers({"/openapi.json": Fault(body={"info": {"title": "Arbor API"}})}) as server:
        yield server.port
