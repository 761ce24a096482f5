"""The configuration files of an Arbor server, and the GPUs that it can use.

    python -m training.on_arbor.config            # once, in the server's environment: writes the missing files
    python -m arbor.cli serve --host 127.0.0.1 --arbor-config arbor.yaml

arbor-ai 0.2.17 reads two settings and ignores all others silently, including GPU ids: it takes the lowest-numbered idle
cards, the first for inference. Its wheel lacks the accelerate file that every training is launched with.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from memoryqa.errors import UsageError
from training.on_arbor.client import package_dir

ARBOR_YAML = Path("arbor.yaml")
STORAGE = "arbor_storage"
_YAML = """\
# Settings of the Arbor server. Start it beside this file:
#     python -m arbor.cli serve --host 127.0.0.1 --arbor-config arbor.yaml
# arbor-ai 0.2.17 reads these two settings and ignores all others silently.
storage_path: {storage}  # jobs leave their logs and checkpoints here
inactivity_timeout: 30  # seconds

# GPUs are not set here. The server takes the lowest-numbered idle ones when a training asks for them, the first for
# inference, the next for training: {layout}.
# A container hides other cards from it (docker run --gpus '"device=2,3,4"'); CUDA_VISIBLE_DEVICES does not.
"""
_ACCELERATE = """\
# Plain data parallelism; a 3B model with LoRA fits. `mixed_precision` must be quoted: YAML reads a bare no as false,
# on which accelerate fails. The trainer's bf16 overrides it.
compute_environment: LOCAL_MACHINE
debug: false
distributed_type: MULTI_GPU
downcast_bf16: 'no'
machine_rank: 0
main_training_function: main
mixed_precision: 'no'
num_machines: 1
rdzv_backend: static
same_network: true
use_cpu: false
"""


def write_arbor_yaml(path: Path, inference_gpus: Sequence[int], training_gpus: Sequence[int]) -> bool:
    """Write the server's settings unless `path` exists; returns whether they were written."""
    if path.exists():
        return False
    layout = f"--inference-gpus {_ids(inference_gpus)} --training-gpus {_ids(training_gpus)}"
    storage = (path.parent / STORAGE).resolve()
    path.write_text(_YAML.format(storage=storage, layout=layout), encoding="utf-8")
    return True


def accelerate_file(package: Path) -> Path:
    """The path where the arbor-ai installed at `package` expects its accelerate file."""
    return package.parent / "configs" / "deepspeed_config.yaml"


def write_accelerate_file(package: Path) -> bool:
    """Write the file that the wheel of arbor-ai 0.2.17 lacks, unless it exists; returns whether it was written."""
    path = accelerate_file(package)
    if path.exists():
        return False
    path.parent.mkdir(exist_ok=True)
    path.write_text(_ACCELERATE, encoding="utf-8")
    return True


def storages(path: Path = ARBOR_YAML) -> list[Path]:
    """Folders where a server on this machine may keep its jobs: the one that `path` names, and Arbor's default.

    Raises UsageError for a file that is not YAML; the server would silently use its defaults.
    """
    import yaml

    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: is not YAML; correct it, or delete it to have it written again") from error
    named = settings.get("storage_path") if isinstance(settings, dict) else None
    return [*([Path(named)] if named else []), Path.home() / ".arbor" / "storage"]


def check_layout(inference_gpus: Sequence[int], training_gpus: Sequence[int], idle: Collection[int] | None) -> None:
    """Raise UsageError with the reason for GPUs that Arbor would not take. idle: the idle cards; None: unknown."""
    asked = [*inference_gpus, *training_gpus]
    shared = sorted(set(inference_gpus) & set(training_gpus))
    if shared:
        raise UsageError(
            f"GPU {shared[0]} is in --inference-gpus and in --training-gpus: Arbor needs at least two GPUs, "
            "one for each; with one, use --backend local"
        )
    if asked != sorted(asked):
        count = len(inference_gpus)
        raise UsageError(
            f"Arbor takes the lowest-numbered GPUs for inference: write --inference-gpus {_ids(sorted(asked)[:count])} "
            f"--training-gpus {_ids(sorted(asked)[count:])}"
        )
    if idle is None:
        return
    if len(idle) < len(asked):
        raise UsageError(
            f"{len(asked)} GPUs are asked for ({_ids(asked)}) and {len(idle)} are idle ({_ids(sorted(idle))}): free "
            "some, ask for fewer by --inference-gpus and --training-gpus, or use --backend local, which needs one"
        )
    taken = sorted(idle)[: len(asked)]
    if taken != asked:
        raise UsageError(
            f"GPUs {_ids(asked)} are asked for, but Arbor takes the lowest-numbered idle ones, {_ids(taken)}: ask for "
            f"those, or start the server in a container that sees only {_ids(asked)}"
        )


def _ids(gpus: Collection[int]) -> str:
    return ",".join(map(str, gpus)) or "none"


def main(argv: list[str] | None = None) -> int:
    """Write both files if they are missing, and report it. The server's environment need not have our dependencies."""
    argparse.ArgumentParser(
        prog="python -m training.on_arbor.config",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(argv)
    package = package_dir()
    if package is None:
        print(
            "training.on_arbor.config: arbor-ai is not installed here: pip install arbor-ai==0.2.17 first",
            file=sys.stderr,
        )
        return 2
    for path, written in (
        (ARBOR_YAML, write_arbor_yaml(ARBOR_YAML, (0,), (1, 2))),
        (accelerate_file(package), write_accelerate_file(package)),
    ):
        print(f"{path}: {'written' if written else 'exists, not changed'}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
