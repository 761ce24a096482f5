"""The commands of `deploy.py` for existing pods: list, terminate, tunnel, logs. Each returns the exit status."""

from __future__ import annotations

import argparse
import time
from typing import NoReturn

from deploy_output import COMMAND, Output, duration_text, table
from pod_wait import STATE_FOLDER, PodFailedError, living
from runpod_api import CONSOLE_URL, Patience, terminate_surely
from runpod_types import RunPodApi
from ssh_access import SshAccess, SshError, is_arbor
from usage_error import UsageError

TUNNEL_PATIENCE_SEC = 20.0


def list_pods(api: RunPodApi, args: argparse.Namespace, output: Output) -> int:
    pods = Patience.of(args.poll_seconds).retry(api.pods, output.say)
    ours = [pod for pod in pods if pod.deployment is not None]
    rows = [("id", "name", "state", "GPU", "USD/h", "USD so far", "age", "tunnel")]
    documents = []
    for pod in ours:
        age_sec = pod.age_sec()
        hourly = pod.cost_per_hour_usd
        spent = None if age_sec is None or not hourly else hourly * age_sec / 3600
        access = SshAccess(pod.id, pod.ssh_host, pod.ssh_port) if pod.ssh_host and pod.ssh_port else None
        shown = access.tunnel_text() if access else "-"
        rows.append(
            (
                *(
                    pod.id,
                    pod.name,
                    pod.state,
                    f"{pod.gpu_count} x {pod.gpu}",
                    "?" if hourly is None else f"{hourly:.2f}",
                ),
                *("-" if spent is None else f"{spent:.2f}", duration_text(age_sec), shown),
            )
        )
        documents.append(
            {"id": pod.id, "name": pod.name, "state": pod.state, "gpu": pod.gpu, "gpu_count": pod.gpu_count}
            | {"cost_per_hour_usd": pod.cost_per_hour_usd, "cost_so_far_usd_max": spent and round(spent, 2)}
            | {"age_sec": age_sec and round(age_sec), "ssh_tunnel": access and access.tunnel_text()}
        )
    others = len(pods) - len(ours)
    lines = table(rows) if ours else ["no pods of deploy.py"]
    lines += [f"(and {others} that deploy.py has not made)"] if others else []
    output.result(lines, {"pods": documents, "other_pods": others})
    return 0


def terminate(api: RunPodApi, args: argparse.Namespace, output: Output) -> int:
    if bool(args.terminate) == args.all:
        raise UsageError("--terminate: name the pods (deploy.py --list shows them), or add --all")
    wanted = list(args.terminate)
    if args.all:
        pods = [pod for pod in Patience.of(args.poll_seconds).retry(api.pods, output.say) if pod.deployment is not None]
        wanted = [pod.id for pod in pods]
        output.say("\n".join(f"  {pod.id}  {pod.name}  {pod.state}" for pod in pods) or "no pods of deploy.py")
        if pods and not args.yes and not output.confirmed(f"End {len(pods)} pods, with their volume disks?"):
            output.say("deploy.py: nothing was ended")
            return 1
    ended, remaining = [], {}
    for pod_id in wanted:
        try:
            terminate_surely(api, pod_id, Patience.of(args.poll_seconds), output.say)
            ended.append(pod_id)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  the other pods are ended all the same
            remaining[pod_id] = str(error) or "interrupted"
            output.say(
                f"pod {pod_id} may still run and cost money ({remaining[pod_id]}): try again, or in {CONSOLE_URL}"
            )
    output.result([f"pod {pod_id} is terminated" for pod_id in ended], {"terminated": ended, "failed": remaining})
    return 1 if remaining else 0


def reachable(api: RunPodApi, pod_id: str, args: argparse.Namespace, output: Output) -> SshAccess:
    pod = Patience.of(args.poll_seconds).retry(lambda: living(api, pod_id), output.say)
    if pod.ssh_host is None or pod.ssh_port is None:
        raise PodFailedError(f"pod {pod_id} is {pod.state} and has no SSH address yet: try again in a minute")
    return SshAccess(pod.id, pod.ssh_host, pod.ssh_port, args.ssh_key)


def tunnel(api: RunPodApi, args: argparse.Namespace, output: Output) -> int:
    """Keep the tunnel open until Ctrl-C; a broken connection is opened again as long as the pod runs."""
    try:
        _hold_open(api, args, output)
    except KeyboardInterrupt:
        output.say(f"the tunnel is closed; the pod runs on, until {COMMAND} --terminate {args.tunnel}")
    return 0


def _hold_open(api: RunPodApi, args: argparse.Namespace, output: Output) -> NoReturn:
    """Raises SshError if the tunnel cannot be opened the first time, PodFailedError when the pod ends."""
    base_url = f"http://127.0.0.1:{args.local_port}"
    was_open = False
    while True:
        with reachable(api, args.tunnel, args, output).tunnel(args.local_port) as line:
            arbor = False
            by = time.monotonic() + TUNNEL_PATIENCE_SEC
            while line.is_open() and time.monotonic() < by and not (arbor := is_arbor(base_url)):
                time.sleep(0.3)
            if line.is_open():
                was_open = True
                state = "Arbor answers at" if arbor else "the tunnel is open, but Arbor does not answer yet, at"
                output.say(f"{state} {base_url}/v1/ (Ctrl-C closes the tunnel; the pod runs on)")
                line.wait()
            error = line.error()
        if not was_open:
            raise error
        output.say(f"the tunnel broke ({error}); opening it again")
        time.sleep(args.poll_seconds)


def logs(api: RunPodApi, args: argparse.Namespace, output: Output) -> int:
    """Print the logs from the pod's files; without SSH, the container's output as RunPod recorded it."""
    files = "logs/startup.log logs/server.log $(ls -t dot-arbor/storage/*/logs/*.log 2>/dev/null | head -n 2)"
    try:
        access = reachable(api, args.logs, args, output)
        shown = access.run(f"cd {STATE_FOLDER}/{args.logs} && tail -n {args.tail} {files} 2>/dev/null; true")
        lines = shown.splitlines()
    except (SshError, PodFailedError) as error:
        output.say(f"not by SSH ({error}); RunPod's copy:")
        lines = Patience.of(args.poll_seconds).retry(lambda: api.log_lines(args.logs, args.tail), output.say)
    output.result(lines, {"pod_id": args.logs, "lines": lines})
    return 0
