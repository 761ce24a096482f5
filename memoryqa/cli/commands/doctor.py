"""Check that your chats are sound: every message as it was added, files that only you can read, versions and sizes.

    memoryqa doctor
    memoryqa doctor --store backup/chats --json

Nothing is changed. Exit status 1 when something is wrong; each line says what to do.
"""

from __future__ import annotations

import argparse

from memoryqa.cli.output import print_json, print_table, show
from memoryqa.cli.shared import add_json, add_store
from memoryqa.errors import StoppedError, UsageError
from memoryqa.home.folder import store_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_store(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from memoryqa import __version__
    from memoryqa.archive.checkup import OWN_FOLDER, check_file, check_rights
    from memoryqa.archive.database import MIGRATIONS
    from memoryqa.memories import SUFFIX, is_begun

    folder = store_folder(args.store)
    if not folder.is_dir():
        raise UsageError(f"no chats in {folder}; import one first: memoryqa import FILE")
    of_folder = check_rights(folder, OWN_FOLDER)
    paths = [path for path in sorted(folder.glob(f"*{SUFFIX}")) if not path.name.startswith(".") and is_begun(path)]
    found = [check_file(path) for path in paths]
    problems = [f"{folder}: {one}" for one in of_folder]
    problems += [f"{one.name}: {problem}" for one in found for problem in one.problems]
    if args.json:
        versions = {"version": __version__, "schema": len(MIGRATIONS)}
        print_json({**versions, "folder": str(folder), "chats": [vars(one) for one in found], "problems": problems})
    else:
        show(f"memoryqa {__version__}, tables of version {len(MIGRATIONS)}, {folder}")
        rows = [
            (one.name, f"{one.turns:,}", str(one.version), f"{(one.bytes + one.log_bytes) / 1e6:,.1f} MB",
             "see below" if one.problems else "sound", one.upgrade)
            for one in found
        ]  # fmt: skip
        print_table(rows, ("chat", "messages", "version", "size", "state", "the next opening changes"))
        for one in problems:  # in full, where a table would cut the command that mends it
            show(one)
    if problems:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise StoppedError(f"{problems[0]}{more}")
