"""Waiting until a new pod serves Arbor: provisioning, container start, installation, server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runpod_types import Pod, RunPodApi, TransientError
from ssh_access import SshAccess, SshError, is_arbor

PHASES = ("provisioning", "container start", "installation", "server")
SSH_GRACE_LOOKS = 60  # sshd starts a little after the container; a refusal that lasts longer is final
LOG_LINES = 20  # shown before a failed pod is terminated
STATE_FOLDER = "/workspace/arbor"  # on the pod, one folder per pod id: startup.sh writes there


class PodFailedError(Exception):
    """The pod will not become ready. The message says at which step; `log` has its last lines, if they are known."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


@dataclass(frozen=True)
class Waiting:
    """How long to wait. `show(phase, detail)` is called after each poll. `identity`: see `SshAccess`."""

    timeout_sec: float
    poll_sec: float
    show: Callable[[str, str], None]
    identity: Path | None = None

    @property
    def ssh_grace_sec(self) -> float:
        return SSH_GRACE_LOOKS * self.poll_sec


def wait_until_ready(api: RunPodApi, pod_id: str, waiting: Waiting) -> Pod:
    """The pod, once Arbor answers through a tunnel to it.

    Raises PodFailedError when the pod fails or disappears or the time is over, KeyRefusedError if the key is revoked.
    Transient failures of the API are shown and waited out.
    """
    deadline = time.monotonic() + waiting.timeout_sec
    pod = _wait_for_container(api, pod_id, waiting, deadline)
    assert pod.ssh_host is not None
    assert pod.ssh_port is not None
    access = SshAccess(pod.id, pod.ssh_host, pod.ssh_port, waiting.identity)
    _wait_for_server(api, access, waiting, deadline)
    return pod


def _wait_for_container(api: RunPodApi, pod_id: str, waiting: Waiting, deadline: float) -> Pod:
    phase, running_since = PHASES[0], None
    while True:
        try:
            pod = living(api, pod_id)
        except TransientError as error:
            waiting.show(phase, f"RunPod's API: {error}")
        else:
            if pod.state == "RUNNING" and pod.ssh_host is not None:
                return pod
            phase = PHASES[0] if pod.state == "PROVISIONING" else PHASES[1]
            waiting.show(phase, pod.state.lower())
            if pod.state == "RUNNING":
                running_since = running_since or time.monotonic()
                if time.monotonic() - running_since > waiting.ssh_grace_sec:
                    raise PodFailedError(
                        "the pod runs, but its machine has no public address for SSH: try --cloud secure"
                    )
        _pause(waiting, deadline, phase)


def _wait_for_server(api: RunPodApi, access: SshAccess, waiting: Waiting, deadline: float) -> None:
    """Poll the phase file that startup.sh writes; when it says `ready`, check through a tunnel."""
    phase, detail = PHASES[2], "waiting for SSH"
    reachable_by = time.monotonic() + waiting.ssh_grace_sec
    while True:
        try:
            said, _, detail = access.run(f"cat {STATE_FOLDER}/{access.pod_id}/phase || true").strip().partition(" ")
            reachable_by = time.monotonic() + waiting.ssh_grace_sec
            if said == "failed":
                log = access.run(f"tail -n {LOG_LINES} {STATE_FOLDER}/{access.pod_id}/logs/startup.log || true")
                raise PodFailedError(f"installation on the pod failed: {detail}", log)
            phase = PHASES[3] if said in ("server", "ready") else PHASES[2]
            waiting.show(phase, detail or "starting")
            if said == "ready" and _answers_through_tunnel(access):
                return
        except SshError as error:
            if time.monotonic() > reachable_by:
                raise PodFailedError(str(error)) from error
            waiting.show(phase, str(error))
            _check_alive(api, access.pod_id, waiting, phase)
        _pause(waiting, deadline, phase)


def _check_alive(api: RunPodApi, pod_id: str, waiting: Waiting, phase: str) -> None:
    try:
        living(api, pod_id)
    except TransientError as error:
        waiting.show(phase, f"RunPod's API: {error}")


def living(api: RunPodApi, pod_id: str) -> Pod:
    """The pod; raises PodFailedError if it is gone, stopped or broken."""
    pod = api.pod(pod_id)
    if pod is None:
        raise PodFailedError(f"pod {pod_id} is gone: somebody, or RunPod, has terminated it")
    if pod.state in ("EXITED", "ERROR", "TERMINATED"):
        raise PodFailedError(f"pod {pod_id} is {pod.state}: its container does not run")
    return pod


def _answers_through_tunnel(access: SshAccess) -> bool:
    port = free_port()
    with access.tunnel(port) as line:
        for _ in range(20):
            if is_arbor(f"http://127.0.0.1:{port}"):
                return True
            if not line.is_open():
                raise line.error()
            time.sleep(0.25)
    return False


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _pause(waiting: Waiting, deadline: float, phase: str) -> None:
    if time.monotonic() + waiting.poll_sec > deadline:
        raise PodFailedError(f"not ready after {waiting.timeout_sec / 60:g} minutes, in the phase {phase!r}")
    time.sleep(waiting.poll_sec)
