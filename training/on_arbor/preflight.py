"""Checks, in seconds and before the start, for what would make a training on Arbor fail or hang after hours.

Arbor's server takes GPUs and starts vLLM before it checks the settings, and keeps the GPUs when it refuses them. If its
trainer dies of a setting, the request hangs. So the same rules are applied here first.
"""

from __future__ import annotations

import http.client
import importlib.metadata
import importlib.util
import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.tracking.address import in_time
from memoryqa.errors import UsageError
from training.config import GRPOConfig, TrainingConfig
from training.on_arbor.checkpoints import CheckpointKeeper
from training.on_arbor.client import VERSION, check_version
from training.on_arbor.config import (
    ARBOR_YAML,
    accelerate_file,
    check_layout,
    storages,
    write_accelerate_file,
    write_arbor_yaml,
)
from training.on_arbor.gpus import GIB, GPU, inference_bytes, read_gpus, training_bytes
from training.on_arbor.resume import check_resumable

if TYPE_CHECKING:
    from training.backend_api import TrainingTask

PROBE_SEC = 2.0
WEIGHTS_PORT = 51216  # between trainer and vLLM; arbor-ai 0.2.17 has no setting for it
_CANCEL_SEC = 60.0
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_LOCAL_ONLY = (
    *("prompts_per_step", "epsilon", "epsilon_high", "updates_per_step"),
    *("sft_steps", "sft_batch_size", "sft_learning_rate"),
)
_ROUTES = ("initialize", "status", "step", "checkpoint", "cancel", "terminate")


def preflight(task: TrainingTask) -> list[str]:
    """Notes for people on how it will run. Raises UsageError, one line with the fix, if it cannot work."""
    config, grpo = task.config, task.grpo
    package = check_version()
    check_settings(grpo, len(config.training_gpus))
    check_layout(config.inference_gpus, config.training_gpus, idle=None)
    keeper = CheckpointKeeper(task.checkpoint_dir)
    notes = check_resumable(keeper, grpo) if task.resume else []
    if write_arbor_yaml(ARBOR_YAML, config.inference_gpus, config.training_gpus):
        notes.append(f"{ARBOR_YAML} written: the settings of the server")
    if write_accelerate_file(package):
        notes.append(f"{accelerate_file(package)} written: arbor-ai {VERSION} needs it but does not contain it")
    storages()
    check_server(config.api_base)
    notes += cancel_leftover(keeper, config.api_base)
    notes += check_gpus(config, grpo)
    return notes


# -- the settings ------------------------------------------------------------------------------------------------------


def check_settings(grpo: GRPOConfig, training_gpus: int) -> None:
    """Raise UsageError for numbers that would kill Arbor's server or trainer."""
    defaults = GRPOConfig()
    for name in _LOCAL_ONLY:
        if getattr(grpo, name) != getattr(defaults, name):
            raise UsageError(
                f"--{name.replace('_', '-')} {getattr(grpo, name)}: Arbor has no such setting; "
                "leave it out, or use --backend local"
            )
    passes = training_gpus * grpo.gradient_accumulation_steps
    batch = passes * grpo.batch_size_per_device
    possible = [number for number in range(max(passes, 2), batch + 1) if batch % number == 0 and number % passes == 0]
    if grpo.rollouts not in possible:
        fitting = ", ".join(map(str, possible)) or "none: raise --batch-size-per-device to 2"
        raise UsageError(
            f"--rollouts {grpo.rollouts} does not fit: {training_gpus} training GPUs x --gradient-accumulation-steps "
            f"{grpo.gradient_accumulation_steps} make {passes} passes, each of at least one rollout, and with "
            f"--batch-size-per-device {grpo.batch_size_per_device} a batch of {batch}, which rollouts must divide; "
            f"possible: {fitting}"
        )


def cancel_leftover(keeper: CheckpointKeeper, api_base: str) -> list[str]:
    """Cancel the job of an earlier training that was killed and so still holds GPUs on the server.

    Raises UsageError if that training still runs, or if the server does not cancel the job.
    """
    import psutil
    import requests

    job = keeper.job
    if job is None:
        return []
    if job.pid != os.getpid() and psutil.pid_exists(job.pid):
        raise UsageError(
            f"process {job.pid} is training into {keeper.folder}: wait for it, or name another --checkpoint-dir"
        )
    try:
        url, body = f"{api_base}fine_tuning/grpo/cancel", {"job_id": job.id}
        response = in_time(lambda: requests.post(url, json=body, timeout=_CANCEL_SEC), 2 * _CANCEL_SEC)
    except (requests.RequestException, TimeoutError) as error:
        raise UsageError(f"{job.id}, of an earlier training, cannot be cancelled: restart the Arbor server") from error
    keeper.note_job(None)
    return [f"cancelled {job.id}, which an earlier training left running"] if response.ok else []


# -- the server --------------------------------------------------------------------------------------------------------


def is_serving(api_base: str) -> bool:
    """Whether an Arbor server answers at `api_base`, within some seconds."""
    try:
        return bool(_within(_describe(api_base), "info").get("title") == "Arbor API")
    except (OSError, ValueError, http.client.HTTPException):
        return False


def check_server(api_base: str) -> None:
    """Raise UsageError unless an Arbor server of the right version answers at `api_base`."""
    parts = urlsplit(api_base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--api-base {api_base}: write a whole URL, http://127.0.0.1:7453/v1/")
    if not api_base.endswith("/v1/"):
        root = api_base.rstrip("/").removesuffix("/v1")
        raise UsageError(f"--api-base {api_base}: write {root}/v1/, or Arbor's client asks at the wrong place")
    if parts.hostname.endswith(".proxy.runpod.net"):
        raise UsageError(
            f"--api-base {api_base}: RunPod's proxy cuts every request at 100 s, and a training takes longer to start; "
            "run train.py on the pod, or through ssh -N -L 7453:127.0.0.1:7453 root@POD -p PORT"
        )
    try:
        described = _describe(api_base)
    except urllib.error.URLError as error:
        if isinstance(error, urllib.error.HTTPError):
            raise UsageError(_other_server(api_base, f"status {error.code}")) from error
        raise UsageError(_no_server(api_base, str(error.reason))) from error
    except (TimeoutError, http.client.HTTPException, ConnectionError) as error:
        raise UsageError(
            f"what listens at {api_base} does not answer within {PROBE_SEC:g} s: an Arbor server hangs after a "
            "training that failed to start; restart it"
        ) from error
    except ValueError as error:
        raise UsageError(_other_server(api_base, "its answer is not JSON")) from error
    title = _within(described, "info").get("title")
    if title != "Arbor API":
        raise UsageError(_other_server(api_base, f"it calls itself {title!r}"))
    if missing := _missing(described):
        raise UsageError(
            f"the Arbor server at {api_base} is not arbor-ai {VERSION}: it does not know {missing}; "
            f"run `pip install arbor-ai=={VERSION}` in its environment and restart it"
        )


def _describe(api_base: str) -> dict[str, Any]:
    """The server's OpenAPI file, whole within two times `PROBE_SEC`."""
    url = api_base.rstrip("/").removesuffix("/v1") + "/openapi.json"

    def ask() -> Any:
        try:
            with urllib.request.urlopen(url, timeout=PROBE_SEC) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            error.close()  # it is the response, too
            raise

    content = in_time(ask, 2 * PROBE_SEC)  # a socket's timeout begins anew with each byte
    if not isinstance(content, dict):
        raise ValueError(f"{url} holds no JSON object")
    return content


def _within(described: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The object that `names` lead to; empty where there is none."""
    for name in names:
        found = described.get(name)
        described = found if isinstance(found, dict) else {}
    return described


def _missing(described: Mapping[str, Any]) -> str | None:
    """The first of our routes or settings that the server does not know; other versions refuse unknown ones."""
    from training.on_arbor.settings import trainer_settings

    for name in _ROUTES:
        if f"/v1/fine_tuning/grpo/{name}" not in _within(described, "paths"):
            return f"/fine_tuning/grpo/{name}"
    known = _within(described, "components", "schemas", "ArborGRPOConfigRequest", "properties")
    return next((name for name in trainer_settings(GRPOConfig(), 1) if name not in known), None)


def _other_server(api_base: str, what: str) -> str:
    return (
        f"port {urlsplit(api_base).port} is in use by something else than Arbor ({what}): start Arbor on another port, "
        "`--port 7454`, and give --api-base http://127.0.0.1:7454/v1/"
    )


def _no_server(api_base: str, reason: str) -> str:
    parts = urlsplit(api_base)
    command = f"python -m arbor.cli serve --host 127.0.0.1 --port {parts.port or 7453} --arbor-config {ARBOR_YAML}"
    if parts.hostname not in _LOCAL_HOSTS:
        return f"no Arbor server at {api_base} ({reason}): start it there, `{command}`, and reach it by an SSH tunnel"
    return (
        f"no Arbor server at {api_base} ({reason}): start one in another terminal, `{command}`{_environment_advice()}"
    )


def _environment_advice() -> str:
    """Whether a server would start in this environment; "" if it would."""
    if importlib.util.find_spec("vllm") is None:
        return ", in an environment that has vLLM (this one has none: docs/grpo.md says how to make it)"
    version = importlib.metadata.version("transformers")
    if int(version.partition(".")[0]) >= 5:
        return f", after `pip install 'transformers>=4.56.1,<5'`: it does not start with the {version} that is here"
    return ""


# -- the cards ---------------------------------------------------------------------------------------------------------


def check_gpus(config: TrainingConfig, grpo: GRPOConfig) -> list[str]:
    """Notes on the cards. Raises UsageError if they are too few, too small, or not those that were asked for.

    Only the server's own machine knows its cards; elsewhere a note says that nothing was checked.
    """
    if not is_here(config.api_base):
        return ["the server is on another machine: its GPUs, their memory and its logs cannot be checked from here"]
    if is_listening(WEIGHTS_PORT):
        raise UsageError(
            f"port {WEIGHTS_PORT} is in use, on which Arbor's trainer sends its weights: another training runs on this "
            "machine; wait for it, or cancel it by restarting its Arbor server"
        )
    gpus = read_gpus()
    if gpus is None:
        return ["no nvidia-smi here: the server's GPUs and their memory are not checked"]
    check_layout(config.inference_gpus, config.training_gpus, idle=[gpu.index for gpu in gpus if gpu.is_idle])
    chosen = {gpu.index: gpu for gpu in gpus}
    return check_memory(
        config, grpo, [chosen[index] for index in config.inference_gpus], [chosen[i] for i in config.training_gpus]
    )


def is_here(api_base: str) -> bool:
    """Whether the server is on this machine: its address is local, and the listener is not an SSH tunnel."""
    import psutil

    parts = urlsplit(api_base)
    if parts.hostname not in _LOCAL_HOSTS:
        return False
    listening = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN and one.laddr]
    pids = {one.pid for one in listening if one.laddr.port == parts.port and one.pid is not None}
    return not any(psutil.Process(pid).name() == "ssh" for pid in pids)


def check_chat_end(config: TrainingConfig) -> None:
    """Raise UsageError for a base model on a remote server, which cannot read our changed copy of the model.

    The copy teaches vLLM the end of a chat turn. Without it the model generates up to the limit, and every answer is a
    format failure.
    """
    if not is_here(config.api_base):
        raise UsageError(
            f"--model {config.model} is a base model, and a server on another machine cannot read the copy that knows "
            f"how a chat turn ends: take the instruct version ({config.model}-Instruct?), or run train.py over there"
        )


def check_memory(config: TrainingConfig, grpo: GRPOConfig, inference: list[GPU], training: list[GPU]) -> list[str]:
    """Notes with the estimated memory. Raises UsageError if a card has less."""
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
        return ["without torch and transformers here, the memory that the training needs is not estimated"]
    from training.local.preflight import model_shape

    shape = model_shape(config.model, grpo)
    notes = []
    for role, cards, needed in (
        ("training", training, training_bytes(shape, grpo, len(training))),
        ("inference", inference, inference_bytes(shape, len(inference))),
    ):
        smallest = min(cards, key=lambda card: card.memory_bytes)
        text = (
            f"{role}: about {needed / GIB:.1f} GiB on each card (an estimate), "
            f"GPU {smallest.index}, {smallest.name}, has {smallest.memory_bytes / GIB:.1f}"
        )
        if needed > smallest.memory_bytes:
            advice = (
                "--max-prompt-length 2048, fewer --rollouts, a smaller --model"
                if role == "training"
                else "a smaller --model"
            )
            raise UsageError(f"{text}: use {advice} or larger cards")
        notes.append(text)
    return notes


def is_listening(port: int) -> bool:
    """Whether something accepts connections at `port` of this machine."""
    with socket.socket() as probe:
        probe.settimeout(PROBE_SEC)
        return probe.connect_ex(("127.0.0.1", port)) == 0
