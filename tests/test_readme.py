"""What the pages say holds: Python blocks print what stands below them, commands exist with their flags, links lead."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pytest
from own_chats import without_keys

from memoryqa import AdaptiveMemory

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "data/*.md", "arbor/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "LOG.md"  # tells what was typed then
)
EXECUTED = (ROOT / "README.md", *(ROOT / "docs" / name for name in ("api.md", "evaluate.md", "store.md")))
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON_WORDS = ("python", "python3", ".venv/bin/python", ".venv-arbor-server/bin/python")
PIP_WORDS = ("pip", ".venv/bin/pip", ".venv-arbor-server/bin/pip")
NOT_OURS = ("arbor.cli", "venv", "pip")  # modules of other distributions
WITH_SUBCOMMANDS = ("tune.py", "tuning.client", "memoryqa")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


# -- Python blocks -----------------------------------------------------------------------------------------------------


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block, in order."""
    return [(block["language"], block["text"]) for block in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def examples(page: Path) -> Iterator[tuple[str, str | None]]:
    """Each Python block with the output that the next block shows; None where the next one shows none."""
    found = [*blocks(page), ("", "")]
    for (language, code), (below, output) in pairwise(found):
        if language == "python":
            yield code, output if below == "text" else None


@pytest.mark.slow
@pytest.mark.parametrize("page", EXECUTED, ids=named)
def test_the_python_blocks_of_a_page_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    """All blocks of a page in one process, in a folder with files that are called as modules of the checkout were."""
    pairs = list(examples(page))
    assert pairs, "a page that is listed here has Python blocks"
    mark = "<<< end of block >>>"
    (tmp_path / "shown.py").write_text("".join(f"{code}\nprint({mark!r})\n" for code, _ in pairs), encoding="utf-8")
    for name in ("memory.py", "evaluate.py"):
        (tmp_path / name).write_text('raise ImportError("the user\'s own file was imported")\n')
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "shown.py"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path),
            "LOCOMO_PATH": str(ROOT / "data" / "sample.json"),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split(mark)[:-1]
    for (code, output), text in zip(pairs, printed, strict=True):
        assert output is None or text.strip() == output.strip(), code


# -- sessions of a terminal --------------------------------------------------------------------------------------------


def sessions(page: Path) -> Iterator[tuple[str, str]]:
    """Each command of a page's console blocks with what it prints."""
    for language, text in blocks(page):
        if language == "console":
            for entry in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = entry.partition("\n")
                yield command, output.strip()


@pytest.mark.slow
@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "cli.md"], ids=named)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    """In order, by a person without a key whose only chat is the sample."""
    (sample,) = (ROOT / "data" / "whatsapp").glob("*.txt")
    with zipfile.ZipFile(tmp_path / "WhatsApp Chat.zip", "w") as archive:
        archive.write(sample, sample.name)
    environment = {**without_keys(tmp_path), "PYTHONPATH": str(ROOT)}
    commands = list(sessions(page))
    assert commands, "a page that is listed here has console blocks"
    for command, output in commands:
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(command)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert (done.stdout.strip(), done.returncode) == (output, 0), f"{command}\n{done.stderr}"


# -- commands ----------------------------------------------------------------------------------------------------------


def shell_lines(page: Path) -> Iterator[str]:
    """Commands of a page: in its bash blocks, in indented blocks, and between backquotes."""
    text = page.read_text(encoding="utf-8")
    outside = BLOCK.sub("", text)
    indented = [line for line in outside.splitlines() if line.startswith("    ")]
    inline = re.findall(r"`([^`\n]+)`", outside)
    in_bash = "\n".join(block for language, block in blocks(page) if language == "bash")
    for line in (in_bash + "\n" + "\n".join(indented)).replace("\\\n", " ").splitlines() + inline:
        for command in re.split(r"&&|;|\|(?!\w)", re.sub(r"(^|\s)#.*", "", line)):
            yield command.strip()


def words_of(command: str) -> list[str]:
    """The command without assignments before it; [] for what no shell reads."""
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words


def commands(starts: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Page and words of every command that begins so."""
    found = {
        (named(page), command): words
        for page in PAGES
        for command in shell_lines(page)
        if (words := words_of(command)) and words[0] in starts and len(words) > 1
    }
    return [(page, words) for (page, _), words in found.items()]


def target_of(words: list[str]) -> tuple[str, list[str]] | None:
    """The script or module that runs, and the words after it. None for other things, such as `python -c`."""
    after = words[1:]
    if words[0] == "memoryqa":
        return words[0], after
    if after[:1] == ["-m"]:
        return after[1], after[2:]
    if after[0].endswith(".py"):
        return after[0], after[1:]
    return None


@lru_cache
def help_of(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)} --help: {done.stderr}"
    return done.stdout


def ours() -> list[tuple[str, str, list[str]]]:
    """Page, script or module of ours, and its arguments, of each documented Python command."""
    return [
        (page, *target)
        for page, words in commands((*PYTHON_WORDS, "memoryqa"))
        if (target := target_of(words)) is not None
        and target[0].partition(".")[0] not in NOT_OURS
        and target[0] not in NOT_OURS
        and not target[0].isupper()
    ]


def test_commands_are_found() -> None:
    found = {target for _, target, _ in ours()}
    assert {"evaluate.py", "optimize.py", "tune.py", "train.py", "arbor/deploy.py", "benchmarks.retrieval"} <= found
    assert {"reports.compare", "locomo.llm_judge", "examples/tiny_grpo.py", "tuning.service"} <= found


def test_every_documented_script_and_module_exists() -> None:
    missing = [
        f"{page}: {target}"
        for page, target, _ in ours()
        if not (ROOT / target).is_file()
        and not (ROOT / f"{target.replace('.', '/')}.py").is_file()
        and not (ROOT / target.replace(".", "/") / "__main__.py").is_file()
    ]
    assert missing == []


@pytest.mark.slow
def test_every_documented_flag_is_known_to_its_command() -> None:
    unknown = []
    for page, target, arguments in ours():
        flags = set(FLAG.findall(" ".join(arguments)))
        if not flags:
            continue
        command = (target,) if target.endswith(".py") else ("-m", target)
        if target in WITH_SUBCOMMANDS and arguments and re.fullmatch(r"[a-z]+", arguments[0]):
            if arguments[0] == "run":  # the flags are those of the script that it runs
                command, arguments = (arguments[1],), arguments[1:]
            else:
                command = (*command, arguments[0])
        known = set(FLAG.findall(help_of(*command)))
        known |= {f"--no-{flag[2:]}" for flag in known}
        unknown += [f"{page}: {' '.join(command)} {flag}" for flag in sorted(flags - known)]
    assert unknown == []


def test_every_documented_extra_and_make_target_exists() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = set(tomllib.load(file)["project"]["optional-dependencies"])
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    unknown = [
        f"{page}: {one}"
        for page, words in commands(PIP_WORDS)
        for wanted in re.findall(r"^\.\[([\w,-]+)\]$", "\n".join(words), re.MULTILINE)
        for one in wanted.split(",")
        if one not in extras
    ]
    unknown += [f"{page}: make {words[1]}" for page, words in commands(("make",)) if words[1] not in targets]
    assert unknown == []


def test_the_page_of_the_library_has_every_extra_and_the_search_as_it_is() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = set(tomllib.load(file)["project"]["optional-dependencies"])
    rows = "".join(re.findall(r"^\| (`.*?`) \|", page[page.index("## Extras") :], re.MULTILINE))
    assert set(re.findall(r"`([\w-]+)`", rows)) == extras
    listed = re.search(r"`search\((.*?)\)` returns", page, re.DOTALL)
    assert listed is not None
    known = inspect.signature(AdaptiveMemory.search).parameters.values()
    bare = [str(one.replace(annotation=one.empty)) for one in known if one.name != "self"]
    assert " ".join(listed[1].split()).replace("*, ", "") == ", ".join(bare)


# -- links -------------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page if not path else (page.parent / path).resolve()
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"({path.name})" not in index] == ["README.md"]
