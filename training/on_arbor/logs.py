"""The Arbor server's logs of a training: whether the trainer is alive, its metrics, and what killed it.

The server answers "running" even for a dead trainer, so only its logs (one JSON object with a `message` per line) show
the death. They are under the server's storage, so only its own machine can read them.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

TAIL_LINES = 15
_KEPT_LINES = 200
_SHOWN_CHARS = 160  # of an error
_SETTLE_SEC = 1.0  # until a traceback is completely written
# The outermost frame of the two processes: a traceback with it ended the process.
_LAST_FRAME = re.compile(r"accelerate/commands/launch\.py\"|vllm_serve\.py\", line \d+, in <module>")
_ERROR = re.compile(r"^(?:\[rank\d+\]:\s*)?([\w.]*(?:Error|Exception)\b.*)")
_LAUNCHER_ERRORS = ("ChildFailedError", "CalledProcessError")  # report that a process ended, not why
_METRIC = re.compile(r"'([\w/]+)': (-?[\d.]+(?:e[-+]?\d+)?|nan|-?inf)")

FIXES: tuple[tuple[str, str], ...] = (  # (pattern in the logs, fix); the first match counts
    (
        r"CUDA out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED",
        "out of GPU memory: a smaller --max-prompt-length first, then fewer --rollouts or more "
        "--gradient-accumulation-steps, or cards with more memory",
    ),
    (
        r"deepspeed_config\.yaml",
        "run `python -m training.on_arbor.config` in the server's environment, then restart it",
    ),
    (
        r"'bool' object has no attribute 'lower'",
        "delete configs/deepspeed_config.yaml in the server's environment and run `python -m training.on_arbor.config`",
    ),
    (
        r"mergekit|all_special_tokens_extended",
        "the server's transformers is too new: run `pip install 'transformers>=4.56.1,<5'` there, then restart it",
    ),
    (
        r"NCCL error|nccl\w+Error|Watchdog caught collective operation timeout",
        "the GPUs cannot communicate: `export NCCL_P2P_DISABLE=1 NCCL_IB_DISABLE=1` and restart the server",
    ),
    (
        r"\b429\b|[Rr]ate limit|Too Many Requests",
        "the model hub limits downloads: set HF_TOKEN for the server, or download the model first",
    ),
    (r"401 Client Error|403 Client Error|gated repo", "the hub refuses the model: set HF_TOKEN for the server"),
    (r"'hf_transfer' package is not available", "`export HF_HUB_ENABLE_HF_TRANSFER=0` and restart the server"),
    (r"No space left on device", "the disk of the server is full: delete old trainings under its storage_path"),
    (r"Address already in use|EADDRINUSE", "another training runs on the server's machine: one at a time"),
)


def known_fix(text: str) -> str | None:
    """The fix for the first known problem in `text`; None if there is none."""
    return next((fix for pattern, fix in FIXES if re.search(pattern, text)), None)


class JobLogs:
    """The logs of one job, in the first of `storages` that has them; the server creates the folder at the start.

    run_name: the part of the job's id that we choose (`grpo:<model>:<run name>:<date>`).
    """

    def __init__(self, storages: Iterable[Path], run_name: str) -> None:
        self._storages = tuple(storages)
        self._run_name = run_name
        self._folder: Path | None = None
        self._read_bytes: dict[Path, int] = {}
        self._last_frame_at: float | None = None
        self.messages: deque[str] = deque(maxlen=_KEPT_LINES)
        self.metrics: dict[str, float] = {}  # of the last optimizer step that was logged

    @property
    def folder(self) -> Path | None:
        """`<storage>/<job id>/logs`; None while it does not exist on this machine."""
        if self._folder is None:
            found = [path for storage in self._storages for path in storage.glob(f"grpo:*:{self._run_name}:*/logs")]
            self._folder = found[0] if found else None
        return self._folder

    def update(self) -> None:
        """Read the lines that were written since the last call."""
        if self.folder is None:
            return
        for path in sorted(self.folder.glob("*.log")):
            for message in self._new_messages(path):
                self.messages.append(message)
                if _LAST_FRAME.search(message):
                    self._last_frame_at = time.monotonic()
                if message.startswith("{") and "'grad_norm'" in message:
                    self.metrics = {name: float(value) for name, value in _METRIC.findall(message)}

    def death(self) -> str | None:
        """The error that ended the trainer or its vLLM; None while the logs show no end."""
        if self._last_frame_at is None or time.monotonic() - self._last_frame_at < _SETTLE_SEC:
            return None
        errors = [match[1] for message in self.messages if (match := _ERROR.match(message))]
        causes = [error for error in errors if not any(name in error for name in _LAUNCHER_ERRORS)]
        return next(iter([*causes[-1:], *errors[-1:]]), "it ended without an error")[:_SHOWN_CHARS]

    def tail(self, lines: int = TAIL_LINES) -> Sequence[str]:
        """The last lines of the logs, oldest first."""
        return list(self.messages)[-lines:]

    def fix(self) -> str | None:
        """The fix for the first known problem in the logs; None if there is none."""
        return known_fix("\n".join(self.messages))

    def _new_messages(self, path: Path) -> list[str]:
        with path.open("rb") as file:
            file.seek(self._read_bytes.get(path, 0))
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]  # an incomplete last line is left for the next call
        self._read_bytes[path] = self._read_bytes.get(path, 0) + len(whole)
        return [_message(line) for line in whole.decode("utf-8", errors="replace").splitlines()]


def _message(line: str) -> str:
    try:
        return str(json.loads(line)["message"])
    except (ValueError, LookupError, TypeError):
        return line
