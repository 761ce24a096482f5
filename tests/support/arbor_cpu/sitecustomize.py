"""Python imports this first, in every process that has the folder on its path: swaps Arbor's vLLM server for ours.

`python -m arbor.server.services.inference.vllm_serve` then runs `serve.py` beside this file; nothing that is installed
is changed.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

REPLACED = "arbor.server.services.inference.vllm_serve"


class ServeFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != REPLACED:
            return None
        return importlib.util.spec_from_file_location(fullname, Path(__file__).with_name("serve.py"))


sys.meta_path.insert(0, ServeFinder())
