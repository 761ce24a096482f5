"""A stand-in of `ssh` for a pod: commands run on this machine with /workspace moved, tunnels lead to a local port.

    pod = SshStandIn(tmp_path, arbor_port=server.port)
    environment = {"PATH": f"{pod.bin}:{os.environ['PATH']}"}

It is an executable called ssh, which understands the options that deploy.py uses and fails on others. What it was
called with, and whether the key of RunPod was in its environment, is kept in `calls`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SCRIPT = r"""#!{python} -IS
import json, os, pathlib, socket, subprocess, sys, threading
folder = pathlib.Path({folder!r})
with open(folder / "calls.jsonl", "a") as calls:
    calls.write(json.dumps({{"argv": sys.argv[1:], "environment": dict(os.environ)}}) + "\n")
refusal = folder / "refusal"
if refusal.exists():
    sys.exit(refusal.read_text())
words, forward, rest = iter(sys.argv[1:]), None, []
for word in words:
    if word == "-L":
        forward = next(words).split(":")
    elif word in ("-o", "-p", "-i"):
        next(words)
    elif word.startswith("-"):
        assert word == "-N", word
    else:
        rest.append(word)
if forward is None:
    command = rest[1].replace("/workspace", str(folder / "workspace"))
    sys.exit(subprocess.run(["bash", "-c", command]).returncode)
assert forward[0] == forward[2] == "127.0.0.1" and forward[3] == "7453", forward

def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    finally:
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    listener.bind((forward[0], int(forward[1])))
except OSError:
    sys.exit(f"bind [127.0.0.1]:{{forward[1]}}: Address already in use")
listener.listen()
(folder / "tunnel.pid").write_text(str(os.getpid()))
while True:
    inside, _ = listener.accept()
    try:
        outside = socket.create_connection(("127.0.0.1", {arbor_port}))
    except OSError:
        inside.close()
        continue
    for pair in ((inside, outside), (outside, inside)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
"""


class SshStandIn:
    """`workspace` is what the pod has at /workspace."""

    def __init__(self, folder: Path, arbor_port: int) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.bin = folder / "bin"
        self.workspace.mkdir(parents=True)
        self.bin.mkdir()
        script = self.bin / "ssh"
        script.write_text(SCRIPT.format(python=sys.executable, folder=str(folder), arbor_port=arbor_port))
        script.chmod(0o755)

    def refuse(self, reason: str | None) -> None:
        """Fail from now on with that message, as ssh does; None ends it."""
        path = self.folder / "refusal"
        if reason is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(reason)

    def set_phase(self, pod_id: str, phase: str) -> None:
        """What startup.sh on that pod says it is doing."""
        path = self.workspace / "arbor" / pod_id / "phase"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{phase}\n")

    def set_log(self, pod_id: str, name: str, text: str) -> None:
        """What that pod has written to its startup or server log."""
        path = self.workspace / "arbor" / pod_id / "logs" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def tunnel_pid(self) -> int:
        """Process of the newest tunnel."""
        return int((self.folder / "tunnel.pid").read_text())

    @property
    def calls(self) -> list[dict[str, Any]]:
        """`argv` and `environment` of each call so far."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
