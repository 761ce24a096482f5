"""The layers of the house: who may import whom, what modules may be called, and where decisions live. Rules first."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# -- the rules ---------------------------------------------------------------------------------------------------------

SCRIPTS = {"optimize", "tune", "train", "evaluate"}  # imported by nobody but tests
MAY_IMPORT: dict[str, set[str]] = {  # of ours, besides itself; a dotted name allows that one module
    "memory": set(),
    "locomo": {"memory.turns"},
    "harness": set(),
    "memory_system": {"memory"},
    "training": {"memory_system", "memory", "locomo", "harness"},
    "evaluation": {"memory_system", "memory", "locomo", "harness"},
    "tuning": {"memory_system", "memory", "locomo", "harness", "evaluation.programs"},
    "benchmarks": {"memory_system", "memory", "locomo", "harness", "training", "tuning"},
    "optimization": {"memory_system", "memory", "locomo", "harness", "evaluation.memory_choice"},
    "arbor": set(),
    "examples": {"memory", "memory_system", "locomo", "harness", "tuning", "training"},
    **{script: {"memory_system", "memory", "locomo", "harness", "training", "tuning"} for script in SCRIPTS},
    "evaluate": {"memory_system", "memory", "locomo", "harness", "evaluation"},
    "optimize": {"memory_system", "memory", "locomo", "harness", "optimization"},
}
COMMANDS = {"locomo.llm_judge", "locomo.statistics"}  # whose command needs run folders and LMs: harness, in functions
PACKAGES = {"memory", "locomo", "harness", "evaluation", "training", "tuning", "optimization", "benchmarks"}
RUN_BY_PATH = {"arbor", "examples"}  # no packages; `import arbor` means arbor-ai
WITHOUT_PYTHON = {"data", "docs"}
MEMORY_LAYERS = (  # a module may import those of earlier layers, and of its own as long as there is no cycle
    {"turns", "config", "english", "time_spans"},
    {"tokens", "temporal_grammar", "lexical", "turn_record", "embedders", "vectors", "tags"},
    {"temporal", "question", "postings", "findings"},
    {"repl", "summaries", "compaction_config", "compaction_plan", "compaction_result", "compactor"},
    {"parameters", "rendering", "retrieval", "compaction", "archive", "saved_memory", "dense", "tagging"},
    {"coverage", "recency", "losses"},
    {"working"},
    {"store"},
    {"memories"},
)
MAX_LINES = 400
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "misc", "core", "tools"}
MAY_SHADOW = {  # names that the user of this project asked for; the checkout is never installed beside those packages
    "evaluate": "Hugging Face evaluate, which nothing here uses",
    "arbor": "arbor-ai; the folder is no package",
}
MAY_READ_ENVIRONMENT = {
    "harness/lms.py",
    "tuning/access.py",  # the token of the tuning service
    "harness/tracking.py",
    "locomo/dataset.py",
    "memory/tokens.py",  # tells tiktoken where its vocabulary is
}

# -- reading the house -------------------------------------------------------------------------------------------------

OURS = set(MAY_IMPORT)


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
        yield from ((node.lineno, target) for target in targets if target.split(".")[0] in OURS)


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def allowed(importer: str, target: str) -> bool:
    """Whether module `importer` may import `target`."""
    column, other = importer.split(".")[0], target.split(".")[0]
    if column == other or (importer in COMMANDS and other == "harness"):
        return True
    return other in MAY_IMPORT[column] or target in MAY_IMPORT[column]


# -- the tests ---------------------------------------------------------------------------------------------------------


def test_the_house_is_found() -> None:
    assert {"memory.turns", "locomo.dataset", "memory_system", "evaluate"} <= set(MODULES)
    assert ("memory.store", "memory.retrieval") in {
        (name, to) for name in MODULES for _, to in imports(name, MODULES[name])
    }


def test_every_module_and_folder_has_its_place_in_the_rules() -> None:
    assert {name.split(".")[0] for name in MODULES} <= OURS
    with_python = {path.parent.name for path in ROOT.glob("*/*.py") if not path.parent.name.startswith(".")}
    assert with_python <= PACKAGES | RUN_BY_PATH | {"tests"}


@pytest.mark.parametrize("column", sorted(OURS))
def test_each_column_imports_only_what_stands_below_it(column: str) -> None:
    trespasses = [
        f"{place(path, line)} imports {target}"
        for name, path in MODULES.items()
        if name.split(".")[0] == column
        for line, target in imports(name, path)
        if not allowed(name, target)
    ]
    assert not trespasses


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_imports_harness_in_its_functions_only(name: str) -> None:
    path = MODULES[name]
    assert any(target.startswith("harness.") for _, target in imports(name, path))
    outside = [node for node in ast.parse(path.read_bytes(), str(path)).body if not isinstance(node, ast.FunctionDef)]
    found = [
        ast.unparse(one) for node in outside for one in ast.walk(node) if isinstance(one, ast.Import | ast.ImportFrom)
    ]
    assert [line for line in found if "harness" in line] == []


def test_the_rules_are_a_hierarchy_without_cycles() -> None:
    graph = {column: {target.split(".")[0] for target in below} for column, below in MAY_IMPORT.items()}
    order = list(TopologicalSorter(graph).static_order())
    assert all(not below & SCRIPTS for below in graph.values())
    assert order.index("memory") < order.index("memory_system") < order.index("evaluate")


@pytest.mark.parametrize(
    ("importer", "target"),
    [
        ("memory.store", "locomo.dataset"),
        ("memory.store", "memory_system"),
        ("locomo.dataset", "memory.store"),
        ("locomo.dataset", "memory"),
        ("locomo.judging", "harness.runs"),
        ("harness.lms", "memory.turns"),
        ("harness.lms", "locomo.schema"),
        ("memory_system", "harness.lms"),
        ("memory_system", "locomo.schema"),
        ("evaluate", "train"),
        ("benchmarks.retrieval", "evaluate"),
        ("tuning.search", "training.reward"),
    ],
)
def test_the_rules_forbid_what_the_design_forbids(importer: str, target: str) -> None:
    assert not allowed(importer, target)


def test_within_memory_imports_go_down_and_never_round() -> None:
    layer = {f"memory.{name}": number for number, names in enumerate(MEMORY_LAYERS) for name in names}
    graph = {
        name: {target for _, target in imports(name, path)}
        for name, path in MODULES.items()
        if name.startswith("memory.")
    }
    assert set(graph) <= set(layer), "a new module of memory/ needs a layer in MEMORY_LAYERS"
    upwards = [f"{name} imports {target}" for name in graph for target in graph[name] if layer[target] > layer[name]]
    assert not upwards
    list(TopologicalSorter(graph).static_order())  # raises CycleError with the cycle


def test_packages_are_packages_and_folders_run_by_path_are_not() -> None:
    for folder in PACKAGES:
        if list((ROOT / folder).glob("*.py")):
            assert (ROOT / folder / "__init__.py").is_file(), f"{folder}/ lacks __init__.py"
    for folder in RUN_BY_PATH:
        assert not (ROOT / folder / "__init__.py").exists(), f"{folder}/ must have no __init__.py"
    assert [path for folder in WITHOUT_PYTHON for path in (ROOT / folder).rglob("*.py")] == []


def test_no_module_has_a_vague_name() -> None:
    assert [name for name in MODULES if VAGUE_NAMES & set(name.split("."))] == []


def test_no_module_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in MODULES.values()}
    assert {name: lines for name, lines in lengths.items() if lines >= MAX_LINES} == {}


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
    ours = {name.split(".")[0] for name in MODULES} | PACKAGES | {path.stem for path in (ROOT / "tests").glob("*.py")}
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
    assert reads_environment(ROOT / "memory/tokens.py")
    readers = {
        str(path.relative_to(ROOT)) for name, path in MODULES.items() if name[:5] != "arbor" and reads_environment(path)
    }
    assert readers - MAY_READ_ENVIRONMENT == set()
