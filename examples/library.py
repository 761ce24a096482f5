"""The memory without any language model: remember a chat, search it, shrink it, save it, load it.

    python examples/library.py
    python examples/library.py --question "What does Tom's sister grow?" --budget-tokens 60

Needs neither a key, nor a model, nor a network. The last line on stdout is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parent.parent)
)  # finds the checkout's memoryqa when it is not installed

from memoryqa import AdaptiveMemory, Evidence

CHAT = (  # our own: two people over three months
    ("2024-03-02T09:12", "Mira", "Morning! I signed the lease for the workshop on Gull Street yesterday."),
    ("2024-03-02T09:14", "Tom", "Congratulations! How large is it?"),
    ("2024-03-02T09:15", "Mira", "48 square metres, with two north windows. The rent is 640 crowns a month."),
    ("2024-03-17T20:40", "Tom", "My sister Edda visited last weekend. She grows saffron on her roof now."),
    ("2024-03-17T20:44", "Mira", "Saffron! Ask her for a few bulbs, I would trade a bowl for them."),
    ("2024-04-05T18:03", "Mira", "The first firing went wrong, 11 of 30 cups cracked. The glaze was too thick."),
    ("2024-04-05T18:10", "Tom", "Oh no. What will you change?"),
    ("2024-04-05T18:12", "Mira", "A thinner glaze, and a slower start: 60 degrees an hour up to 500."),
    ("2024-05-21T12:30", "Tom", "Edda sent twelve bulbs, all of them sprouting."),
    ("2024-05-21T12:31", "Mira", "Lovely! The second firing lost one cup only, so she gets the blue bowl."),
)


def remember(memory_tokens: int) -> AdaptiveMemory:
    """A memory of the chat that holds at most so many tokens; sessions come from the gaps between messages."""
    memory = AdaptiveMemory(memory_tokens=memory_tokens)
    for time, speaker, text in CHAT:
        memory.add(text, speaker=speaker, time=time)
    return memory


def ask(memory: AdaptiveMemory, question: str, budget_tokens: int) -> Evidence:
    """The lines that answer best, as many as fit."""
    evidence = memory.search(question, budget_tokens)
    print(f"\n== {question}  ({evidence.tokens} of {budget_tokens} tokens)\n{evidence}")
    return evidence


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--question", default="When was the lease of the workshop signed?", help="default: %(default)s")
    parser.add_argument("--budget-tokens", type=int, default=80, help="for the evidence (default: %(default)s)")
    args = parser.parse_args(argv)

    memory = remember(memory_tokens=20_000)
    print(memory)
    found = ask(memory, args.question, args.budget_tokens)

    # The same chat in 90 tokens: most lines leave for the archive, and a search still finds them.
    small = remember(memory_tokens=90)
    print(f"\n== held in 90 tokens\n{small.render()}")
    losses = small.losses()
    print(f"{len(losses.archived_ids)} turns have left; the most specific facts that are out of view:")
    for fact in losses.dropped[:3]:
        print(f"  - {fact.text}  [{fact.handle}]")
    recovered = ask(small, args.question, args.budget_tokens)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chat.sqlite"
        memory.save(path)
        loaded = AdaptiveMemory.load(path)
    same = loaded.search(args.question, args.budget_tokens).text == found.text
    print(
        json.dumps(
            {
                "turns": len(memory),
                "found": list(found.ids),
                "found_when_small": list(recovered.ids),
                "held_tokens_when_small": small.tokens,
                "same_after_loading": same,
            }
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
