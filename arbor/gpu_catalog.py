"""The cards that a pod can have: the names that people type, RunPod's ids, and the cards that cannot train here.

Ids: https://docs.runpod.io/references/gpu-types. Prices and availability come from the API.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from usage_error import UsageError


@dataclass(frozen=True)
class Card:
    """`name` is what a person types, `gpu_id` is RunPod's id."""

    name: str
    gpu_id: str
    memory_gb: int


CARDS = (  # Ampere, Ada and Hopper: compute capability 8.0 to 9.0
    Card("A100", "NVIDIA A100-SXM4-80GB", 80),
    Card("A100-PCIe", "NVIDIA A100 80GB PCIe", 80),
    Card("H100", "NVIDIA H100 80GB HBM3", 80),
    Card("H100-PCIe", "NVIDIA H100 PCIe", 80),
    Card("H100-NVL", "NVIDIA H100 NVL", 94),
    Card("H200", "NVIDIA H200", 141),
    Card("L40S", "NVIDIA L40S", 48),
    Card("L40", "NVIDIA L40", 48),
    Card("A40", "NVIDIA A40", 48),
    Card("A6000", "NVIDIA RTX A6000", 48),
    Card("6000-Ada", "NVIDIA RTX 6000 Ada Generation", 48),
    Card("A5000", "NVIDIA RTX A5000", 24),
    Card("L4", "NVIDIA L4", 24),
    Card("4090", "NVIDIA GeForce RTX 4090", 24),
    Card("3090", "NVIDIA GeForce RTX 3090", 24),
)
# arbor-ai 0.2.17 needs vllm 0.10.0, which needs torch 2.7.1+cu126, whose wheels stop at compute capability 9.0
# (https://github.com/vllm-project/vllm/issues/21633); training in bf16 needs 8.0.
_BLACKWELL = "a Blackwell card: torch 2.7.1 (CUDA 12.6), which arbor-ai 0.2.17 needs, has no kernels for it"
_TOO_OLD = "older than Ampere: it cannot train in bf16"
_UNUSABLE = {
    r"b[23]00|gb[23]00|50[6-9]0|rtxpro|pro[456]\d00": _BLACKWELL,
    r"v100|t4$|p100|20[678]0|rtx[45]000$|quadro": _TOO_OLD,
    r"mi[23]\d\d": "an AMD card: the pinned torch is built for CUDA",
}


def card_named(text: str) -> Card:
    """The card for a typed name: a name of CARDS or RunPod's id; case and punctuation do not matter.

    Raises UsageError with the reason for a card that cannot be used, and with the nearest name for an unknown one.
    """
    wanted = _plain(text)
    by_plain_name = {_plain(one): card for card in CARDS for one in (card.name, card.gpu_id)}
    if wanted in by_plain_name:
        return by_plain_name[wanted]
    for pattern, reason in _UNUSABLE.items():
        if re.search(pattern, wanted):
            raise UsageError(f"--gpu-type {text}: {reason}; take one of {_names()}")
    near = difflib.get_close_matches(wanted, by_plain_name, n=1, cutoff=0.5)
    hint = f" (did you mean {by_plain_name[near[0]].name}?)" if near else ""
    raise UsageError(f"--gpu-type {text}: unknown card{hint}; take one of {_names()}")


def _plain(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", text.lower()).removeprefix("nvidia")
    return plain.removeprefix("geforce").removeprefix("rtx") if "pro" not in plain else plain


def _names() -> str:
    return ", ".join(card.name for card in CARDS)
