"""Creates a pod: the request, its price, the wait, and its termination after any failure."""

from __future__ import annotations

import argparse
import secrets
import shlex
import time
from dataclasses import replace
from typing import Any

from deploy_output import COMMAND, Output
from gpu_catalog import card_named
from pod_request import PUBLIC_PORT, PodRequest, new_deployment
from pod_wait import STATE_FOLDER, PodFailedError, Waiting, wait_until_ready
from quotation import Quotation, alternatives, describe, quote
from runpod_api import CONSOLE_URL, Patience, create_or_find, find_deployment, terminate_surely
from runpod_types import KEY_VARIABLE, OutOfStockError, Pod, RequestRefusedError, RunPodApi, RunPodError
from ssh_access import SshAccess, SshError, public_key_text
from usage_error import UsageError

LOOKS_FOR_LATE_POD = 3
DEFAULT_VOLUME_GB = 80  # packages 8.3, a 3B model 6.2, checkpoints 1.5 each; room for a few runs and another model


def request_from(args: argparse.Namespace) -> PodRequest:
    if args.network_volume and args.volume_gb:
        raise UsageError("--volume-gb and --network-volume: one of them is at /workspace, not both")
    return PodRequest(
        name=args.name,
        card=card_named(args.gpu_type),
        gpu_count=args.gpu_count,
        cloud=args.cloud.upper(),
        image=args.image,
        disk_gb=args.disk_gb,
        volume_gb=0 if args.network_volume else args.volume_gb or DEFAULT_VOLUME_GB,
        network_volume_id=args.network_volume,
        data_center_id=args.data_center,
        max_hours=args.max_hours,
        model=args.model,
        deployment=new_deployment(),
        public_key=public_key_text(args.ssh_key),
        public_token=secrets.token_hex(20) if args.public else None,
    )


def priced(
    request: PodRequest, args: argparse.Namespace, api: RunPodApi, output: Output
) -> tuple[PodRequest, Quotation]:
    """The request, with the data center of its network volume, and its price.

    Raises OutOfStockError after showing the alternatives.
    """
    if request.network_volume_id is not None:
        volume_id = request.network_volume_id
        place = Patience.of(args.poll_seconds).retry(lambda: api.data_center_of(volume_id), output.say)
        if args.data_center not in (None, place):
            raise UsageError(f"--data-center {args.data_center}: the network volume {volume_id} is in {place}")
        request = replace(request, data_center_id=place)
    try:
        return request, Patience.of(args.poll_seconds).retry(lambda: quote(api, request), output.say)
    except OutOfStockError:
        suggest(api, request, args, output)
        raise


def suggest(api: RunPodApi, request: PodRequest, args: argparse.Namespace, output: Output) -> None:
    """Show what is free instead. A failure to ask is shown too; the caller reports the shortage in any case."""
    try:
        lines = Patience.of(args.poll_seconds).retry(lambda: alternatives(api, request), output.say)
    except RunPodError as error:
        lines = [f"  (RunPod does not say: {error})"]
    output.say(f"free now, for {request.gpu_count} cards in the {request.cloud.lower()} cloud:")
    output.say("\n".join(lines or ["  nothing; try the other --cloud, or fewer cards"]))


def dry_run(request: PodRequest, args: argparse.Namespace, api: RunPodApi, output: Output, *, ask: bool) -> int:
    """Show the request, and its price if `ask`, which needs a key."""
    quotation = None
    if ask:
        request, quotation = priced(request, args, api, output)
    document: dict[str, Any] = {"action": "dry-run", "api": args.api, "request": api.describe(request)}
    lines = describe(request, quotation)
    if quotation is None:
        lines.append(f"  note       no {KEY_VARIABLE}: RunPod was not asked for prices and availability")
    else:
        document |= {
            "price_per_hour_usd": _rounded(quotation.price_per_hour_usd, 4),
            "price_max_hours_usd": _rounded(quotation.price_max_hours_usd, 2),
            "max_hours": request.max_hours,
            "availability": quotation.availability,
            "data_centers": dict(quotation.offer.data_centers),
        }
    output.result(lines, document | {"gpu": request.card.name, "gpu_count": request.gpu_count})
    return 0


def create(request: PodRequest, args: argparse.Namespace, api: RunPodApi, output: Output) -> int:
    request, quotation = priced(request, args, api, output)
    output.say("\n".join(describe(request, quotation)))
    if not args.yes and not output.confirmed("Make it?"):
        output.say("deploy.py: nothing was made")
        return 1
    pod: Pod | None = None
    began = time.monotonic()
    try:
        pod = create_or_find(api, request, Patience.of(args.poll_seconds), output.say)
        output.say(f"pod {pod.id} is made and costs money from now on")
        if args.wait:
            with output.progress() as display:
                timeout_sec = args.timeout_minutes * 60
                waiting = Waiting(timeout_sec, args.poll_seconds, display.show, args.ssh_key)
                pod = wait_until_ready(api, pod.id, waiting)
    except BaseException as error:  # any failure, Ctrl-C included, must not leave a pod behind silently
        reason = explain(error, request, args, api, output)
        looks = 1 if isinstance(error, RequestRefusedError) else LOOKS_FOR_LATE_POD
        ended = clean_up(api, request, pod, looks, args, output)
        if args.json:
            document = {"action": "create", "error": reason, "pod_id": pod and pod.id, "terminated": ended}
            output.result([], document)
        if isinstance(error, Exception) and not isinstance(error, RunPodError | PodFailedError | SshError):
            raise  # bad input, or a bug
        return 1
    report_created(pod, request, quotation, args, output, time.monotonic() - began)
    return 0


def explain(error: BaseException, request: PodRequest, args: argparse.Namespace, api: RunPodApi, output: Output) -> str:
    """Show the error with what helps (alternatives, the pod's last log lines) and return its message of one line."""
    if isinstance(error, OutOfStockError):
        suggest(api, request, args, output)
    if isinstance(error, PodFailedError) and error.log:
        output.say(error.log.rstrip())
    reason = str(error) or "interrupted"
    output.say(f"deploy.py: {reason}")
    return reason


def clean_up(
    api: RunPodApi, request: PodRequest, pod: Pod | None, looks: int, args: argparse.Namespace, output: Output
) -> bool:
    """Terminate the pod of a failed deployment, or say how to; True if RunPod shows no pod of it any more."""
    by_hand = f"end it with: {COMMAND} --list, then --terminate POD_ID; or in {CONSOLE_URL}"
    try:
        for look in range(looks):
            if pod is None and look > 0:  # RunPod may still be making it
                time.sleep(args.poll_seconds)
            pod = pod or find_deployment(api, request.deployment)
        if pod is None:
            output.say(f"RunPod shows no pod of this run; should one appear, {by_hand}")
            return True
        by_hand = f"end it with: {COMMAND} --terminate {pod.id}, or in {CONSOLE_URL}"
        if args.keep_on_failure:
            output.say(f"pod {pod.id} is kept and still costs money; look with {COMMAND} --logs {pod.id}; {by_hand}")
            return False
        output.say(f"terminating pod {pod.id} ...")
        terminate_surely(api, pod.id, Patience.of(args.poll_seconds), output.say)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  whatever it is, a pod may cost money, and is named
        which = f"pod {pod.id}" if pod else "a pod of this run"
        output.say(f"{which} may still run and cost money ({str(error) or 'interrupted'}): {by_hand}")
        return False
    output.say(f"pod {pod.id} is terminated")
    return True


def _rounded(price_usd: float | None, digits: int) -> float | None:
    return None if price_usd is None else round(price_usd, digits)


def report_created(
    pod: Pod, request: PodRequest, quotation: Quotation, args: argparse.Namespace, output: Output, took_sec: float
) -> None:
    """Print the new pod and the commands of the next steps."""
    with_key = "" if args.ssh_key is None else f" --ssh-key {shlex.quote(str(args.ssh_key))}"
    document: dict[str, Any] = {
        "action": "create",
        "pod_id": pod.id,
        "name": request.name,
        "ready": args.wait,
        "ready_after_sec": round(took_sec, 1) if args.wait else None,
        "gpu": request.card.name,
        "gpu_count": request.gpu_count,
        "cost_per_hour_usd": pod.cost_per_hour_usd or _rounded(quotation.price_per_hour_usd, 4),
        "max_hours": request.max_hours,
        "tunnel_command": f"{COMMAND} --tunnel {pod.id}{with_key}",
        "terminate_command": f"{COMMAND} --terminate {pod.id}",
    }
    state = "is ready" if args.wait else "is made; it needs about 15 minutes, then"
    lines = [
        f"{request.name} (pod {pod.id}) {state}",
        f"  tunnel     {document['tunnel_command']}",
        f"  train      python train.py --mode train --backend arbor --model {request.model}",
        f"  terminate  {document['terminate_command']}",
    ]
    if pod.ssh_host is not None and pod.ssh_port is not None:
        access = SshAccess(pod.id, pod.ssh_host, pod.ssh_port, args.ssh_key)
        document |= {"ssh": {"host": pod.ssh_host, "port": pod.ssh_port}, "ssh_tunnel": access.tunnel_text()}
        lines.insert(2, f"  by ssh     {access.tunnel_text()}")
        lines.insert(
            -1, f"  fetch      {access.copy_text(f'{STATE_FOLDER}/{pod.id}/dot-arbor/storage', 'grpo_checkpoints')}"
        )
    if request.public_token is not None:
        document["public_api_base"] = f"https://{pod.id}-{PUBLIC_PORT}.proxy.runpod.net/{request.public_token}/v1/"
        lines.append(f"  public     {document['public_api_base']}")
    output.result(lines, document)
