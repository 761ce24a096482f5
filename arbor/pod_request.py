"""What a pod for Arbor consists of: cards, disks, image, environment, and the first command of its container."""

from __future__ import annotations

import base64
import gzip
import io
import re
import secrets
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from gpu_catalog import Card
from usage_error import UsageError

DEPLOYMENT_VARIABLE = "ARBOR_DEPLOYMENT"  # in the pod's environment; marks our pods and when they were requested
DEPLOYMENT_TIME = "%Y%m%dT%H%M%SZ"  # the first part of its value
ARBOR_PORT = 7453  # Arbor's own default
PUBLIC_PORT = 7454  # nginx, with --public only
IDLE_MINUTES = 60
TORCH_CUDA = "12.6"  # CUDA of the pinned torch; the machine's driver must offer at least this
DISK_USD_PER_GB_MONTH = 0.10  # container disk, and volume disk of a running pod: docs.runpod.io/pods/storage
HOURS_PER_MONTH = 730
MIN_DISK_GB = 20  # system packages, and what pip unpacks during the installation
MIN_VOLUME_GB = 40  # the environment takes 8.3 GB, a 3B model 6.2 GB, a checkpoint of a rank-64 adapter about 1.5 GB
HERE = Path(__file__).resolve().parent

_PATTERNS = {  # field -> pattern and its description; RunPod refuses other values or writes them into a query unescaped
    "name": (r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}", "letters, digits, spaces, dots, dashes"),
    "image": (r"[a-z0-9][\w.:/-]*(@sha256:[0-9a-f]{64})?", "repository/image:tag"),
    "model": (r"[\w.-]+/[\w.-]+", "the id of a model on Hugging Face, such as Qwen/Qwen2.5-3B"),
    "network_volume_id": (r"[A-Za-z0-9_-]+", "the id that RunPod's console shows under Storage"),
    "data_center_id": (r"[A-Z0-9]+(-[A-Z0-9]+)+", "an id such as US-KS-2"),
}


@dataclass(frozen=True)
class PodRequest:
    """A pod to be made. Raises UsageError, which names the flag, for values that RunPod or Arbor would refuse.

    `cloud`: SECURE or COMMUNITY. `volume_gb` is the size of the volume disk, 0 with a network volume.
    `public_key`: the SSH key that may log in; None leaves it to the keys registered with the account.
    `public_token`: the secret path under which nginx serves Arbor to the world; None: it does not.
    """

    name: str
    card: Card
    gpu_count: int
    cloud: str
    image: str
    disk_gb: int
    volume_gb: int
    network_volume_id: str | None
    data_center_id: str | None
    max_hours: float
    model: str
    deployment: str
    public_key: str | None
    public_token: str | None
    mount_path: str = "/workspace"

    def __post_init__(self) -> None:
        for field, (pattern, form) in _PATTERNS.items():
            value, flag = getattr(self, field), field.removesuffix("_id").replace("_", "-")
            if value is not None and not re.fullmatch(pattern, value):
                raise UsageError(f"--{flag} {value!r}: expected {form}")
        if self.gpu_count < 2:
            raise UsageError(f"--gpu-count {self.gpu_count}: Arbor needs one card for inference and one for training")
        if self.disk_gb < MIN_DISK_GB:
            raise UsageError(f"--disk-gb {self.disk_gb}: at least {MIN_DISK_GB}")
        if self.network_volume_id is None and self.volume_gb < MIN_VOLUME_GB:
            raise UsageError(f"--volume-gb {self.volume_gb}: at least {MIN_VOLUME_GB} (packages, model, checkpoints)")
        if not 0 < self.max_hours <= 24 * 7:
            raise UsageError(f"--max-hours {self.max_hours:g}: more than 0, and at most 168")
        if self.network_volume_id is not None and self.cloud != "SECURE":
            raise UsageError(
                "--network-volume: RunPod has network volumes in its secure cloud only; drop --cloud community"
            )

    @property
    def min_cuda_version(self) -> str:
        """What the host's driver must offer: the higher of the image's CUDA (else it does not start) and torch's."""
        of_image = re.search(r"cu(?:da)?(\d\d)\.?(\d)", self.image)
        versions = [TORCH_CUDA, *([f"{of_image[1]}.{of_image[2]}"] if of_image else [])]
        return max(versions, key=lambda version: [int(part) for part in version.split(".")])

    @property
    def env(self) -> dict[str, str]:
        """Environment of the pod. RunPod shows it to everyone who may see the pod, so it contains no key."""
        env = {
            DEPLOYMENT_VARIABLE: self.deployment,
            "ARBOR_MAX_HOURS": f"{self.max_hours:g}",
            "ARBOR_IDLE_MINUTES": str(IDLE_MINUTES),
            "ARBOR_MODEL": self.model,
        }
        if self.public_key is not None:
            env["PUBLIC_KEY"] = self.public_key
        if self.public_token is not None:
            env["ARBOR_PUBLIC_TOKEN"] = self.public_token
        return env

    @property
    def ports(self) -> tuple[str, ...]:
        return ("22/tcp", *((f"{PUBLIC_PORT}/http",) if self.public_token is not None else ()))

    @cached_property
    def start_command(self) -> str:
        """Unpacks startup.sh and requirements.txt, and runs it beside the image's own start script, which starts SSH.

        It replaces the image's command. It has no double quotes, backslashes or line breaks, so that it passes
        unchanged through a query text and a shell. ARBOR_PREFIX is unset on a pod; the tests use it to put everything
        below one folder, like DESTDIR in `make install`.
        """
        setup = "$ARBOR_PREFIX/opt/arbor"
        return (
            f"bash -c 'mkdir -p {setup} && echo {_packed()} | base64 -d | tar -xzf - -C {setup}; "
            f"bash {setup}/startup.sh & exec $ARBOR_PREFIX/start.sh'"
        )

    @property
    def disks_usd_per_hour(self) -> float:
        return (self.disk_gb + self.volume_gb) * DISK_USD_PER_GB_MONTH / HOURS_PER_MONTH


def new_deployment() -> str:
    """A token for one deployment: the time of the request and six hex digits."""
    return f"{datetime.now(UTC):{DEPLOYMENT_TIME}}-{secrets.token_hex(3)}"


def _packed() -> str:
    """startup.sh and requirements.txt as base64 of a tar.gz; the same bytes each time."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name in ("startup.sh", "requirements.txt"):
            content = (HERE / name).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return base64.b64encode(packed.getvalue()).decode()
