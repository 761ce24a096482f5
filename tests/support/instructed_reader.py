"""A reader that does as its instruction says, for tests of optimizers: an `Answer` of openai_server that follows
`PLANTED` when it stands in a prompt, and the LM that writes such prompts when an optimizer asks it to."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from locomo_files import conversation_record, turn_record, write_records
from openai_server import chat_fields, json_fields

PLANTED = "Name the thing alone."
OFF_FORMAT = "I would rather talk about the weather."
THINGS = ("kite", "violin", "canoe", "beehive", "lantern", "tortoise", "scarf", "compass")
_OUTPUTS = re.compile(r"Your output fields are:\n(.*?)\nAll interactions", re.DOTALL)
_PLACE = re.compile(r"place (\d+)")


@dataclass
class InstructedReader:
    """Answers from the evidence: the thing alone when told so (of every fourth place always), else in a long sentence.

    Asked again for the same with a temperature, every second answer is right all the same: SIMBA learns from such
    differences. `off_format_places`: questions about these it answers with small talk.
    """

    off_format_places: frozenset[int] = frozenset()
    asked: Counter[str] = field(default_factory=Counter)
    lock: Any = field(default_factory=threading.Lock)

    def __call__(self, messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
        system, user = str(messages[0]["content"]), str(messages[-1]["content"])
        outputs = _OUTPUTS.search(system)
        names = re.findall(r"`(\w+)` \(", outputs[1]) if outputs else []
        with self.lock:
            self.asked[names[0] if names else "probe"] += 1
            times = self.asked[f"{system} {user}"] = self.asked[f"{system} {user}"] + 1
        if not names:
            return "OK"
        if "answer" in names:
            fields = self.answer(system, user, lucky=bool(body.get("temperature")) and times % 2 == 0)
        else:
            fields = self.write(names, user)
        if fields is None:
            return OFF_FORMAT
        return json_fields(**fields) if "Outputs will be a JSON object" in system else chat_fields(**fields)

    def answer(self, system: str, user: str, *, lucky: bool) -> dict[str, str] | None:
        """None is small talk."""
        question, evidence = user.split("[[ ## evidence ## ]]")
        place = _PLACE.findall(question)[-1]
        if int(place) in self.off_format_places:
            return None
        found = re.search(rf"(\d+) \w+: .*?carried the (\w+) to place {place}\.", evidence)
        if found is None:
            return {"answer": "No information available", "evidence_ids": ""}
        told = lucky or PLANTED in system or int(place) % 4 == 0
        thing = found[2] if told else f"I think it might well have been the {found[2]}"
        return {"answer": thing, "evidence_ids": ""}

    def write(self, names: Sequence[str], user: str) -> dict[str, str]:
        """What the other prompts ask for, those of the optimizers among them."""
        known = {
            "queries": '["carried to a place"]',
            "sufficient": "True",
            "follow_up_queries": "[]",
            "module_advice": json.dumps({"answer_question": PLANTED}),
            "proposed_instruction": f"Answer the question from the lines of the chat. {PLANTED}",
            "new_instruction": f"Answer the question from the lines of the chat. {PLANTED}",
            "verdict": "CORRECT" if re.search(r"## answer ## \]\]\n\w+\n", user) else "WRONG",
        }
        return {name: known.get(name, "nothing to say") for name in names}


def carried_record(sample_id: str, first_place: int) -> dict[str, Any]:
    """A conversation about things carried to 24 places, with a question about each."""
    record = conversation_record(sample_id, num_sessions=2)
    record["qa"] = []
    for session in (1, 2):
        turns = record["conversation"][f"session_{session}"] = []
        for number in range(1, 13):
            place = first_place + 12 * (session - 1) + number - 1
            thing = THINGS[(place * 3) % 8]
            text = f"Today I carried the {thing} to place {place}."
            turns.append(turn_record(f"D{session}:{number}", text, ("Ines", "Bo")[number % 2]))
            question = f"What was carried to place {place}?"
            evidence = [f"D{session}:{number}"]
            record["qa"].append(
                {"question": question, "answer": thing, "category": (4, 1)[place % 2], "evidence": evidence}
            )
    return record


def write_carried(path: Path) -> Path:
    """Train (places 0 to 23), val (100 to 123) and test conversations by LoCoMo's names."""
    names = {"conv-26": 0, "conv-30": 100, "conv-48": 200}
    return write_records(path, [carried_record(name, first_place) for name, first_place in names.items()])
