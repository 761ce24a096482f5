"""Chooses and loads the backend that trains."""

from __future__ import annotations

from types import ModuleType

from training.config import TrainingConfig


def choose_backend(config: TrainingConfig) -> tuple[str, str]:
    """`arbor` or `local`, and a line with the reason. `auto` chooses Arbor if a server answers, else this process."""
    if config.backend != "auto":
        return config.backend, f"backend: {config.backend}, as --backend says"
    from training.on_arbor.preflight import is_serving

    if is_serving(config.api_base):
        return "arbor", f"backend: arbor, because a server answers at {config.api_base}"
    return "local", f"backend: local, because no Arbor server answers at {config.api_base}; docs/grpo.md starts one"


def load_backend(name: str) -> ModuleType:
    """The module with `preflight` and `train` (backend_api.py); the packages of the other backend are not loaded."""
    if name == "arbor":
        from training.on_arbor import backend as arbor_backend

        return arbor_backend
    from training.local import backend as local_backend

    return local_backend
