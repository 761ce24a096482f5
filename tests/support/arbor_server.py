"""A stand-in for the HTTP server of arbor-ai 0.2.17, for tests of its real client over the wire.

    with ArborServer(tmp_path, answer=lambda messages, body: chat_fields(answer="Paris")) as server:
        connect to server.api_base

Its request bodies are checked against Arbor's own pydantic schemas, and it behaves as the real one was seen to: which
batch ids are pending, that it numbers batches itself, that a dead trainer still counts as running while whatever needs
it hangs, that a failed chat is a `null` with status 200. `faults` go wrong on purpose: by the last part of the path,
one per request in order of arrival, None for a normal answer.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from http_stand_in import NOT_FOUND, SILENT, Fault, HttpStandIn, RecordedRequest
from openai_server import Answer, chat_completion
from pydantic import ValidationError

from training.backend_api import TrainingTask

GRPO = "/v1/fine_tuning/grpo/"
NEEDS_TRAINER = ("step", "checkpoint", "terminate")
DEATH = (
    "Traceback (most recent call last):",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.78 GiB.",
    '  File "/venv/lib/python3.11/site-packages/accelerate/commands/launch.py", line 1423, in <module>',
    "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:",
)


def no_gpus() -> Fault:
    message = "Not enough free GPUs. Requested: 3, Free: [1, 2], Busy: [], Allocated: [0]"
    return Fault(500, {"type": "GPUAllocationError", "message": message, "timestamp": "2026-01-01T00:00:00"})


@dataclass
class Job:
    """One training, as the server sees it. `steps` counts the batches that reached the trainer."""

    id: str
    body: Mapping[str, Any]
    folder: Path
    status: str = "running"
    steps: int = 0
    polled: bool = False
    groups: list[list[dict[str, Any]]] = field(default_factory=list)
    checkpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_checkpoint: str | None = None

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "grpo_training.log"

    def pending(self, dead: bool) -> list[int]:
        """Two ids at first, then one; none in the answer to `initialize`; a dead trainer's are those of its death."""
        if not self.polled:
            return []
        if dead:
            return [max(self.steps - 1, 0)]
        ids = (0, 1) if self.steps == 0 else (self.steps,)
        return [one for one in ids if one < self.body["trainer_config"]["max_steps"]]

    def write_log(self, *lines: str) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps({"level": "info", "job_type": "GRPO", "message": line}) + "\n")


class ArborServer(HttpStandIn):
    """The server.

    `storage`: where jobs leave their logs and checkpoints. `die_after`: with that many batches the trainer is dead, its
    last words in the log; 0: while it starts. `nan_after`: that batch's gradient is not a number. `null_after`: chats
    after that many are answered with null, as when vLLM fails. `initialize_sec`: how long a job takes to
    start; the server does not know it before. `adapter`: a folder that every checkpoint is a copy of; else they hold a
    few bytes.
    """

    def __init__(
        self,
        storage: Path,
        answer: Answer = lambda messages, body: "ok",
        *,
        faults: Mapping[str, Iterable[Fault | None]] | None = None,
        die_after: int | None = None,
        nan_after: int | None = None,
        null_after: int | None = None,
        initialize_sec: float = 0.0,
        adapter: Path | None = None,
    ) -> None:
        super().__init__()
        self.storage = storage
        self.answer = answer
        self.jobs: dict[str, Job] = {}
        self._faults = {name: deque(each) for name, each in (faults or {}).items()}
        self._die_after, self._nan_after, self._null_after = die_after, nan_after, null_after
        self._initialize_sec = initialize_sec
        self._adapter = adapter
        self._chats = 0
        self._schemas = arbor_schemas()

    @property
    def api_base(self) -> str:
        """`http://127.0.0.1:<port>/v1/`; Arbor's client needs the slash at the end."""
        return f"{self.base_url}/v1/"

    @property
    def job(self) -> Job:
        """The only job."""
        (job,) = self.jobs.values()
        return job

    def paths(self) -> list[str]:
        """The last part of each request's path, in order of arrival."""
        with self.lock:
            return [request.path.rpartition("/")[2] for request in self.requests]

    # -- requests ------------------------------------------------------------------------------------------------------

    def respond(self, request: RecordedRequest) -> Fault:
        name = request.path.rpartition("/")[2]
        with self.lock:
            script = self._faults.get(name)
            fault = script.popleft() if script else None
        if fault is not None:
            return fault
        if request.path == "/openapi.json":
            return Fault(body=openapi(self._schemas))
        if request.path == "/v1/chat/completions":
            return Fault(body=self._chat(request.body))
        route = getattr(self, f"_{name}", None) if request.path == GRPO + name else None
        if route is None:
            return NOT_FOUND
        if name in NEEDS_TRAINER and self._is_dead(self.jobs.get(request.body.get("job_id", ""))):
            return SILENT
        try:
            answer: Fault = route(request.body)
        except ValidationError as error:
            return Fault(422, {"detail": json.loads(error.json(include_url=False))})
        except (KeyError, ValueError) as error:
            return Fault(400, {"type": type(error).__name__, "message": str(error), "timestamp": "2026-01-01T00:00:00"})
        return answer

    def _is_dead(self, job: Job | None) -> bool:
        return job is not None and self._die_after is not None and job.steps >= self._die_after

    def _chat(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        with self.lock:
            self._chats += 1
            is_null = self._null_after is not None and self._chats > self._null_after
        if is_null:
            return None
        return chat_completion(body["model"], self.answer(list(body["messages"]), body), 7, 5)

    def _initialize(self, body: Mapping[str, Any]) -> Fault:
        request = self._schemas.GRPOInitializeRequest(**body)
        trainer = request.trainer_config
        slug = request.model.split("/")[-1].lower()
        identifier = f"grpo:{slug}:{request.run_name or 'wise-owl'}:{time.strftime('%Y%m%d')}"
        job = Job(identifier, body, self.storage / identifier)
        job.log.parent.mkdir(parents=True)
        gpus, accumulation = trainer.num_training_gpus, trainer.gradient_accumulation_steps
        effective = trainer.per_device_train_batch_size * gpus * accumulation
        if effective % trainer.num_generations:  # transformers' check, in the server: a clean 400
            raise ValueError(f"the effective batch size {effective} is not divisible by {trainer.num_generations}")
        if trainer.num_generations < gpus * accumulation or self._die_after == 0:  # the trainer's own: it dies
            job.write_log(*DEATH)
            return SILENT
        self.stopping.wait(self._initialize_sec)
        self.jobs[identifier] = job
        return self._state(job)

    def _status(self, body: Mapping[str, Any]) -> Fault:
        job = self.jobs[self._schemas.GRPOBaseRequest(**body).job_id]
        job.polled = True
        return self._state(job)

    def _step(self, body: Mapping[str, Any]) -> Fault:
        request = self._schemas.GRPOStepRequest(**body)
        job = self.jobs[request.job_id]
        expected = job.body["trainer_config"]["num_generations"]
        if len(request.batch) != expected:
            raise ValueError(f"Expected {expected} samples in the group, received {len(request.batch)}")
        for sample in request.batch:
            if not {"messages", "completion", "reward"} <= set(sample):
                raise ValueError("Each item must contain keys: messages, completion, reward")
        job.groups.append(list(request.batch))
        job.steps += 1
        mean = sum(sample["reward"] for sample in request.batch) / expected
        gradient = "nan" if job.steps == self._nan_after else "0.25"
        job.write_log(
            f"{job.steps}/510 [00:02<01:08,  2.38s/it]",
            f"{{'loss': -0.0435, 'grad_norm': {gradient}, 'reward': {mean}, 'num_tokens': 328.0, 'kl': 9.6e-05}}",
        )
        if self._is_dead(job):
            job.write_log(*DEATH)
        return self._state(job)

    def _checkpoint(self, body: Mapping[str, Any]) -> Fault:
        request = self._schemas.GRPOCheckpointRequest(**body)
        job = self.jobs[request.job_id]
        self._save(job, request.checkpoint_name, request.metadata)
        return self._state(job)

    def _terminate(self, body: Mapping[str, Any]) -> Fault:
        job = self.jobs[self._schemas.GRPOTerminateRequest(**body).job_id]
        self._save(job, "checkpoint_final", None)
        return self._state(job)  # its status stays "running", and its GPUs stay taken

    def _cancel(self, body: Mapping[str, Any]) -> Fault:
        identifier = self._schemas.GRPOBaseRequest(**body).job_id
        if identifier not in self.jobs:
            return Fault(404, {"detail": f"GRPO job {identifier} not found"})
        self.jobs[identifier].status = "cancelled"
        return self._state(self.jobs[identifier])

    def _save(self, job: Job, name: str, metadata: Mapping[str, Any] | None) -> None:
        folder = job.folder / "checkpoints" / name
        folder.mkdir(parents=True, exist_ok=True)
        if self._adapter is None:
            (folder / "adapter_model.safetensors").write_bytes(b"weights after %d" % job.steps)
            (folder / "adapter_config.json").write_text(json.dumps(job.body["trainer_config"]["lora_config"]))
        else:
            shutil.copytree(self._adapter, folder, dirs_exist_ok=True)
        (folder / "optimizer.pt").write_bytes(b"moments")
        job.checkpoints[name] = {
            "checkpoint_name": name,
            "checkpoint_dir": str(folder),
            "global_step": job.steps,
            "requested": True,
            "metadata": metadata,
            "timestamp": time.time(),
        }
        job.last_checkpoint = name

    def _state(self, job: Job) -> Fault:
        status = self._schemas.GRPOStatus(
            job_id=job.id,
            status=job.status,
            current_model=job.id,
            checkpoints=job.checkpoints,
            last_checkpoint=job.last_checkpoint,
            pending_batch_ids=job.pending(self._is_dead(job)),
        )
        return Fault(body=status.model_dump())


def arbor_schemas() -> Any:
    """The module arbor.server.api.schemas, without importing `arbor`, which needs vLLM and torch."""
    spec = importlib.util.find_spec("arbor")
    assert spec is not None, "arbor-ai is not installed"
    assert spec.origin is not None, "arbor-ai is not installed"
    path = Path(spec.origin).parent / "server" / "api" / "schemas.py"
    found = importlib.util.spec_from_file_location("arbor_schemas", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["arbor_schemas"] = module  # pydantic looks annotations up there
    found.loader.exec_module(module)
    return module


def openapi(schemas: Any) -> dict[str, Any]:
    """What `/openapi.json` says, as far as a client may ask: the title, the routes, the fields of their bodies."""
    request = schemas.GRPOInitializeRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    routes = ("initialize", "status", "step", "checkpoint", "cancel", "terminate")
    return {
        "info": {"title": "Arbor API", "version": "0.1.0"},
        "paths": {GRPO + name: {"post": {}} for name in routes},
        "components": {"schemas": {**request.pop("$defs"), "GRPOInitializeRequest": request}},
    }


def using(server: ArborServer, task: TrainingTask) -> TrainingTask:
    """The task, to be trained at `server`."""
    return replace(task, config=replace(task.config, api_base=server.api_base))
