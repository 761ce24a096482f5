"""The layers of the house: who may import whom, what modules may be called, and where decisions live. Rules first."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest
from checkout import ROOT

# -- the rules ---------------------------------------------------------------------------------------------------------

# Lowest first: a room imports itself and rooms below it, none beside it. "memoryqa.x" is a room of the library; the
# other names are packages and scripts of the laboratory.
LAYERS: tuple[set[str], ...] = (
    {"memoryqa.errors", "memoryqa.arrays"},
    {"memoryqa.turns", "memoryqa.tokens", "memoryqa.config"},
    {"memoryqa.language", "memoryqa.parameters"},
    {"memoryqa.archive", "memoryqa.rendering"},
    {"memoryqa.search", "memoryqa.tags"},
    {"memoryqa.working"},
    {"memoryqa.messages", "memoryqa.evidence", "memoryqa.steps"},
    {"memoryqa.memory"},
    {"memoryqa.memories"},
    {"memoryqa", "memoryqa.offline_reader", "memoryqa.compaction"},  # compaction: a product of its own
    {"memoryqa.lms", "memory_system"},
    {"harness"},
    {"locomo"},
    {"reports"},
    {"evaluation", "optimization", "tuning", "training"},
    {"evaluate", "optimize", "tune", "train", "benchmarks", "examples", "locomo.llm_judge"},
)
NOT_YET = {  # arrows that run up or sideways, which the next step turns round
    ("tuning", "evaluation"),
}
APART = {"arbor"}  # imports nothing of ours, imported by nobody; run by path
COMMANDS = {"locomo.llm_judge"}  # a script in a package, where the user wants it: nobody imports it, it may report
SCRIPTS = {"optimize", "tune", "train", "evaluate"}  # imported by nobody but tests
PACKAGES = {
    "memoryqa",
    "locomo",
    "harness",
    "reports",
    "evaluation",
    "training",
    "tuning",
    "optimization",
    "benchmarks",
}
RUN_BY_PATH = {"arbor", "examples"}  # no packages; `import arbor` means arbor-ai
WITHOUT_PYTHON = {"data", "docs"}
MAX_LINES = 400
MAX_MODULES = 20  # in one folder
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "misc", "core", "tools"}
MAY_SHADOW = {  # names that the user of this project asked for; the checkout is never installed beside those packages
    "evaluate": "Hugging Face evaluate, which nothing here uses",
    "arbor": "arbor-ai; the folder is no package",
}
MAY_READ_ENVIRONMENT = {
    "memoryqa/lms/roles.py",
    "tuning/service/token.py",  # the token of the tuning service
    "harness/tracking/tracker.py",
    "locomo/dataset.py",
    "memoryqa/tokens.py",  # tells tiktoken where its vocabulary is
}

# -- reading the house -------------------------------------------------------------------------------------------------

LAYER = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
OURS = {room.split(".")[0] for room in LAYER} | APART


def modules() -> dict[str, Path]:
    """Dotted name -> file, of everything that is checked; an explicit list, so that no .venv is ever scanned."""
    found = {path.stem: path for path in sorted(ROOT.glob("*.py"))}
    for folder in sorted(PACKAGES | RUN_BY_PATH):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imports(name: str, path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of ours, wherever in the module: at its top, in a function, for types."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            inner = [f"{source}.{alias.name}" for alias in node.names]
            targets = [one if one in MODULES else source for one in inner]
        else:
            continue
        if (
            folder := name.split(".")[0]
        ) in RUN_BY_PATH:  # such a folder is on the path itself: no package name is written
            targets = [f"{folder}.{one}" if f"{folder}.{one}" in MODULES else one for one in targets]
        yield from ((node.lineno, target) for target in targets if target.split(".")[0] in OURS)


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def room_of(module: str) -> str:
    """Its room in LAYERS: two names deep within the library, the package elsewhere."""
    if module in COMMANDS:
        return module
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "memoryqa" else parts[0]


def allowed(importer: str, target: str) -> bool:
    """Whether module `importer` may import `target`."""
    here, there = room_of(importer), room_of(target)
    if here == there:
        return True
    if {here, there} & APART or there in SCRIPTS:
        return False
    if {(importer, there), (here, there)} & NOT_YET:
        return True
    return LAYER[there] < LAYER[here]


# -- the tests ---------------------------------------------------------------------------------------------------------


def test_the_house_is_found() -> None:
    assert {"memoryqa.turns", "locomo.dataset", "memory_system", "evaluate"} <= set(MODULES)
    assert ("memoryqa.memory", "memoryqa.search.ranking") in {
        (name, to) for name in MODULES for _, to in imports(name, MODULES[name])
    }


def test_every_module_and_folder_has_its_place_in_the_rules() -> None:
    assert {room_of(name) for name in MODULES} <= set(LAYER) | APART
    with_python = {path.parent.name for path in ROOT.glob("*/*.py") if not path.parent.name.startswith(".")}
    assert with_python - {"build"} <= PACKAGES | RUN_BY_PATH | {"tests"}


@pytest.mark.parametrize("room", sorted(set(LAYER) | APART))
def test_each_room_imports_only_what_stands_below_it(room: str) -> None:
    trespasses = [
        f"{place(path, line)} imports {target}"
        for name, path in MODULES.items()
        if room_of(name) == room
        for line, target in imports(name, path)
        if not allowed(name, target)
    ]
    assert not trespasses


@pytest.mark.parametrize(
    ("importer", "target"),
    [
        ("memoryqa.memory", "locomo.dataset"),
        ("memoryqa.memory", "memory_system"),
        ("memoryqa.memory", "memoryqa.lms.roles"),
        ("memoryqa.working.losses", "memoryqa.compaction.entries"),
        ("memoryqa.language.terms", "memoryqa.search.postings"),
        ("memoryqa.search.ranking", "memoryqa.tags.files"),
        ("locomo.judging.ask", "reports.records"),
        ("locomo.dataset", "evaluation.programs"),
        ("harness.runs", "locomo.schema"),
        ("memoryqa.lms.roles", "harness.runs"),
        ("memory_system", "memoryqa.lms.roles"),
        ("memory_system", "locomo.schema"),
        ("evaluate", "train"),
        ("evaluate", "arbor.deploy"),
        ("arbor.deploy", "harness.runs"),
        ("benchmarks.retrieval", "evaluate"),
        ("tuning.search", "training.reward"),
    ],
)
def test_the_rules_forbid_what_the_design_forbids(importer: str, target: str) -> None:
    assert not allowed(importer, target)


def cycles(names: set[str]) -> list[str]:
    """A cycle of imports among `names`, as the modules on it; empty when there is none."""
    graph = {name: {to for _, to in imports(name, MODULES[name]) if to in names and to != name} for name in names}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("package", sorted(PACKAGES | RUN_BY_PATH))
def test_no_package_imports_in_a_circle(package: str) -> None:
    """Imports in functions and for types count."""
    names = {name for name in MODULES if name.split(".")[0] == package}
    assert cycles(names) == []


def test_packages_are_packages_and_folders_run_by_path_are_not() -> None:
    for folder in {path.parent for name, path in MODULES.items() if name.split(".")[0] in PACKAGES}:
        assert (folder / "__init__.py").is_file(), f"{folder.relative_to(ROOT)}/ lacks __init__.py"
    for folder in RUN_BY_PATH:
        assert not (ROOT / folder / "__init__.py").exists(), f"{folder}/ must have no __init__.py"
    assert [path for folder in WITHOUT_PYTHON for path in (ROOT / folder).rglob("*.py")] == []


def test_no_module_has_a_vague_name() -> None:
    assert [name for name in MODULES if VAGUE_NAMES & set(name.split("."))] == []


def test_no_module_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in MODULES.values()}
    assert {name: lines for name, lines in lengths.items() if lines >= MAX_LINES} == {}


def test_no_folder_is_crowded() -> None:
    counts = Counter(path.parent for path in MODULES.values() if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): n for folder, n in counts.items() if n > MAX_MODULES} == {}


def dependencies() -> set[str]:
    """Distributions that the project needs, by name, and what they need, as far as they are installed."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    waiting = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    found: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert match, requirement
        name = re.sub(r"[-_.]+", "-", match[0]).lower()
        if name in found:
            continue
        found.add(name)
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed
        waiting += [one for one in needed if "extra ==" not in one]
    return found


def test_no_name_of_ours_shadows_the_standard_library_or_a_dependency() -> None:
    ours = {name.split(".")[0] for name in MODULES} | PACKAGES | {path.stem for path in (ROOT / "tests").rglob("*.py")}
    assert ours & sys.stdlib_module_names == set()
    needed = dependencies()
    assert {"dspy", "numpy", "litellm", "openai"} <= needed
    taken = {
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if any(re.sub(r"[-_.]+", "-", one).lower() in needed for one in distributions)
    }
    assert "numpy" in taken
    assert (ours & taken) - set(MAY_SHADOW) == set()


def reads_environment(path: Path) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"))
        or (isinstance(node, ast.alias) and node.name in ("environ", "getenv", "environb"))
        for node in ast.walk(ast.parse(path.read_bytes(), str(path)))
    )


def test_environment_variables_are_read_only_where_the_design_says() -> None:
    assert reads_environment(ROOT / "memoryqa/tokens.py")
    readers = {
        str(path.relative_to(ROOT)) for name, path in MODULES.items() if name[:5] != "arbor" and reads_environment(path)
    }
    assert readers - MAY_READ_ENVIRONMENT == set()
