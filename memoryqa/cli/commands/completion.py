"""Print what lets a shell complete the commands, their options and the names of your chats with the Tab key.

    memoryqa completion bash >> ~/.bashrc
    memoryqa completion zsh >> ~/.zshrc
    memoryqa completion fish > ~/.config/fish/completions/memoryqa.fish

It takes effect in the next shell.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from memoryqa.home.folder import store_folder

SCRIPTS = {
    "bash": r"""_memoryqa() {
    local IFS=$'\n' found
    found=($(memoryqa completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    COMPREPLY=("${found[@]// /\\ }")
}
complete -o default -F _memoryqa memoryqa""",
    "zsh": r"""_memoryqa() {
    local -a found
    found=(${(f)"$(memoryqa completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    (( $#found )) && compadd -a found || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _memoryqa memoryqa""",
    "fish": "complete -c memoryqa -a "
    "'(memoryqa completion words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=[*SCRIPTS, "words"], help="words is what the scripts call")
    parser.add_argument("typed", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> None:
    if args.shell in SCRIPTS:
        print(SCRIPTS[args.shell])
        return
    typed = args.typed[1:] if args.typed[:1] == ["--"] else args.typed
    for word in words(typed or [""]):
        print(word)


def words(typed: list[str]) -> list[str]:
    """What the last word of `typed`, the words behind `memoryqa`, may become; [] where a file may be meant."""
    from memoryqa.cli.parser import COMMANDS, build_parser, parser_of

    *before, begun = typed
    parser = build_parser() if not before else parser_of(before[0])
    if parser is None:
        return []
    actions = {option: action for action in parser._actions for option in action.option_strings}
    previous = actions.get(before[-1]) if before else None
    if previous is not None and previous.nargs != 0:
        found = _chats(before) if previous.dest == "chat" else list(previous.choices or ())
    elif not before and not begun.startswith("-"):
        found = list(COMMANDS)
    elif begun.startswith("-"):
        found = [option for option in actions if option.startswith("--")]
    else:
        positional = [action for action in parser._actions if not action.option_strings and action.choices]
        found = [str(one) for action in positional for one in action.choices or ()]
    return [one for one in found if one.startswith(begun)]


def _chats(before: list[str]) -> list[str]:
    """The names of the chats in the store; without opening any."""
    given = Path(before[before.index("--store") + 1]).expanduser() if "--store" in before[:-1] else None
    return sorted(path.stem for path in store_folder(given).glob("*.db"))
