"""What a pod for Arbor consists of: cards, disks, image, environment, and the command that its container runs first."""

from __future__ import annotations

import base64
import gzip
import io
import re
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gpu_catalog import Card
from runpod_api import DEPLOYMENT_VARIABLE

ARBOR_PORT = 7453  # Arbor's own default
PUBLIC_PORT = 7454  # nginx, with --public only
IDLE_MINUTES = 60
TORCH_CUDA = "12.6"  # of the pinned torch: the least that a machine's driver must offer
DISK_USD_PER_GB_MONTH = 0.10  # container disk, and volume disk of a running pod: docs.runpod.io/pods/storage
HOURS_PER_MONTH = 730
MIN_DISK_GB = 20  # the packages of the system, and what is unpacked during the installation
MIN_VOLUME_GB = 40  # the environment takes 8.3 GB, a 3B model 6.2 GB, a checkpoint of a rank-64 adapter about 1.5 GB
HERE = Path(__file__).resolve().parent

_PATTERNS = {  # flag -> what its value may look like; RunPod refuses the rest, or writes it into a query unescaped
    "name": (r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}", "letters, digits, spaces, dots, dashes"),
    "image": (r"[a-z0-9][\w.:/-]*(@sha256:[0-9a-f]{64})?", "repository/image:tag"),
    "model": (r"[\w.-]+/[\w.-]+", "the id of a model on Hugging Face, such as Qwen/Qwen2.5-3B"),
    "network_volume_id": (r"[A-Za-z0-9_-]+", "the id that RunPod's console shows under Storage"),
    "data_center_id": (r"[A-Z0-9]+(-[A-Z0-9]+)+", "an id such as US-KS-2"),
}


@dataclass(frozen=True)
class PodRequest:
    """A pod to be made; raises ValueError, naming the flag, for what RunPod or Arbor would refuse.

    `cloud`: SECURE or COMMUNITY. `volume_gb` is the size of the volume disk, 0 where a network volume takes its place.
    `public_key`: the SSH key that may log in; None leaves it to the keys registered with the account.
    `public_token`: the secret path under which nginx serves Arbor to the world; None serves nothing.
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
                raise ValueError(f"--{flag} {value!r}: expected {form}")
        if self.gpu_count < 2:
            raise ValueError(f"--gpu-count {self.gpu_count}: Arbor needs one card for inference and one for training")
        if self.disk_gb < MIN_DISK_GB:
            raise ValueError(f"--disk-gb {self.disk_gb}: at least {MIN_DISK_GB}")
        if self.network_volume_id is None and self.volume_gb < MIN_VOLUME_GB:
            raise ValueError(f"--volume-gb {self.volume_gb}: at least {MIN_VOLUME_GB} (packages, model, checkpoints)")
        if not 0 < self.max_hours <= 24 * 7:
            raise ValueError(f"--max-hours {self.max_hours:g}: more than 0, and at most 168")
        if self.network_volume_id is not None and self.cloud != "SECURE":
            raise ValueError(
                "--network-volume: RunPod has network volumes in its secure cloud only; drop --cloud community"
            )

    @property
    def min_cuda_version(self) -> str:
        """What the host's driver must offer: CUDA of the image (its container does not start on less), and of torch."""
        of_image = re.search(r"cu(?:da)?(\d\d)\.?(\d)", self.image)
        versions = [TORCH_CUDA, *([f"{of_image[1]}.{of_image[2]}"] if of_image else [])]
        return max(versions, key=lambda version: [int(part) for part in version.split(".")])

    @property
    def env(self) -> dict[str, str]:
        """Environment of the pod; RunPod shows it to whoever may see the pod, so there is no key in it."""
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
        """Unpack startup.sh and requirements.txt, run it beside the image's own start script, which brings up SSH.

        It replaces the image's command. Single quotes only, no double quotes, backslashes or line breaks, so that it
        passes unharmed through a query text and a shell. ARBOR_PREFIX is not set on a pod: the tests put all of it
        under a folder of theirs, as DESTDIR does for `make install`.
        """
        setup = "$ARBOR_PREFIX/opt/arbor"
        return (
            f"bash -c 'mkdir -p {setup} && echo {_packed()} | base64 -d | tar -xzf - -C {setup}; "
            f"bash {setup}/startup.sh & exec $ARBOR_PREFIX/start.sh'"
        )

    @property
    def disks_usd_per_hour(self) -> float:
        return (self.disk_gb + self.volume_gb) * DISK_USD_PER_GB_MONTH / HOURS_PER_MONTH


def _packed() -> str:
    """startup.sh and requirements.txt as base64 of a tar.gz; the same bytes whenever and wherever it is made."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name in ("startup.sh", "requirements.txt"):
            content = (HERE / name).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return base64.b64encode(packed.getvalue()).decode()
