"""SSH to a pod: the tunnel to Arbor, and commands that read the pod's state.

The pod's host key is learnt at first contact and kept under the pod's id, because RunPod reuses hosts and ports.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pod_request import ARBOR_PORT
from runpod_types import KEY_VARIABLE
from usage_error import UsageError
from whole_answer import within

KEY_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa")  # ssh tries these by itself


class SshError(Exception):
    """ssh failed; the message says why and, where it is known, the fix."""


@dataclass(frozen=True)
class SshAccess:
    """Where a pod's sshd listens. `identity`: private key file; None leaves the choice to ssh."""

    pod_id: str
    host: str
    port: int
    identity: Path | None = None

    def options(self) -> list[str]:
        wanted = [f"HostKeyAlias=runpod-{self.pod_id}", "StrictHostKeyChecking=accept-new", "BatchMode=yes"]
        wanted += ["ConnectTimeout=15", "ServerAliveInterval=15", "ServerAliveCountMax=4", "LogLevel=ERROR"]
        return [*(part for one in wanted for part in ("-o", one)), *self._identity(), "-p", str(self.port)]

    def _identity(self) -> list[str]:
        return [] if self.identity is None else ["-i", str(self.identity)]

    def tunnel_options(self, local_port: int) -> list[str]:
        return ["-N", "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{local_port}:127.0.0.1:{ARBOR_PORT}"]

    def tunnel_text(self, local_port: int = ARBOR_PORT) -> str:
        """The command that opens the tunnel, to be pasted."""
        forward = f"{local_port}:127.0.0.1:{ARBOR_PORT}"
        return shlex.join(["ssh", "-N", "-L", forward, *self._identity(), f"root@{self.host}", "-p", str(self.port)])

    def copy_text(self, there: str, here: str) -> str:
        """The command that copies a folder of the pod to this machine."""
        return shlex.join(["scp", "-r", *self._identity(), "-P", str(self.port), f"root@{self.host}:{there}", here])

    def run(self, command: str, timeout_sec: float = 30.0) -> str:
        """The output of `command` on the pod. Raises SshError if ssh or the command fails."""
        arguments = ["ssh", *self.options(), f"root@{self.host}", command]
        try:
            done = subprocess.run(
                arguments,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout_sec,
                env=_environment(),
            )
        except FileNotFoundError as error:
            raise SshError("there is no ssh on this machine: install OpenSSH's client") from error
        except subprocess.TimeoutExpired as error:
            raise SshError(f"ssh to {self.host} gave no answer in {timeout_sec:.0f} s") from error
        if done.returncode != 0:
            raise SshError(_reason(done.stderr, self))
        return done.stdout

    @contextmanager
    def tunnel(self, local_port: int) -> Iterator[Tunnel]:
        """ssh forwarding 127.0.0.1:`local_port` to Arbor on the pod, until the block ends."""
        arguments = ["ssh", *self.options(), *self.tunnel_options(local_port), f"root@{self.host}"]
        with tempfile.TemporaryFile() as complaints:  # not a pipe: nobody reads it meanwhile, so ssh could block
            try:
                process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=complaints, env=_environment())
            except FileNotFoundError as error:
                raise SshError("there is no ssh on this machine: install OpenSSH's client") from error
            try:
                yield Tunnel(self, process, complaints)
            finally:
                process.terminate()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@dataclass(frozen=True)
class Tunnel:
    """A running ssh process that forwards a port."""

    access: SshAccess
    process: subprocess.Popen[bytes]
    complaints: IO[bytes]

    def is_open(self) -> bool:
        return self.process.poll() is None

    def wait(self) -> None:
        """Block until ssh ends by itself."""
        self.process.wait()

    def error(self) -> SshError:
        """The reason why ssh ended."""
        self.complaints.seek(0)
        return SshError(_reason(self.complaints.read().decode(errors="replace"), self.access))


def is_arbor(base_url: str, timeout_sec: float = 5.0) -> bool:
    """Whether an Arbor server answers there. Arbor has no /health and no /v1/models; its OpenAPI file has its name."""

    def described() -> Any:
        with urllib.request.urlopen(f"{base_url}/openapi.json", timeout=timeout_sec) as reply:
            return json.load(reply)

    try:
        return bool(within(2 * timeout_sec, described)["info"]["title"] == "Arbor API")
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, RecursionError):
        return False


def public_key_text(identity: Path | None) -> str | None:
    """The public key that may log in: that of `identity`, or the first of ssh's usual keys; None without one.

    The comment is left out because it names a person and a machine. Raises UsageError for an unreadable file.
    """
    folder = Path.home() / ".ssh"
    usual = (folder / f"{name}.pub" for name in KEY_NAMES)
    path = next((one for one in usual if one.is_file()), None) if identity is None else Path(f"{identity}.pub")
    if path is None:
        return None
    try:
        found = re.match(r"((?:ssh|ecdsa|sk)-\S+ [A-Za-z0-9+/=]+)", path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--ssh-key: {path} cannot be read ({error})") from error
    if found is None:
        raise UsageError(f"--ssh-key: {path} is not a public key; name the private key, whose .pub lies beside it")
    return found[1]


def _environment() -> dict[str, str]:
    """Our environment without the key: an ssh configuration with SendEnv would send it to the pod."""
    return {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}


def _reason(stderr: str, access: SshAccess) -> str:
    last = (stderr.strip().splitlines() or ["it gave no reason"])[-1]
    if "Permission denied" in stderr:
        last += "; the pod does not know your key: deploy with --ssh-key FILE, or register it with RunPod"
    elif "Host key verification failed" in stderr or "IDENTIFICATION HAS CHANGED" in stderr:
        last += f"; a restarted pod has a new key: ssh-keygen -R runpod-{access.pod_id}"
    elif "Address already in use" in stderr:
        last += "; something listens there: choose another port by --local-port"
    return f"ssh to {access.host}:{access.port}: {last}"
