"""The program's own search, hop by hop, with queries from a file in place of an LM's.

`MemoryQA.forward` itself is measured; only its three LM steps are replaced. The first hop gets the first share of a
question's queries, and each further hop gets the next share as follow-ups.
"""

from __future__ import annotations

from collections.abc import Sequence

import dspy

from memory_system import Memories, MemoryQA
from memoryqa.config import ProgramConfig
from memoryqa.memory import AdaptiveMemory


def search_in_hops(
    memory: AdaptiveMemory, question: str, queries: Sequence[str], budget_tokens: int, max_hops: int
) -> list[str]:
    """Ids of the turns that the program would show its LM at the end, in at most `budget_tokens`."""
    shares = [
        list(queries[len(queries) * hop // max_hops : len(queries) * (hop + 1) // max_hops]) for hop in range(max_hops)
    ]
    memories = Memories()
    memories["the conversation"] = memory
    program = MemoryQA(memories, ProgramConfig(context_tokens=budget_tokens, max_hops=max_hops))
    upcoming = iter(shares)
    program.write_queries = lambda question: dspy.Prediction(queries=next(upcoming))
    program.assess_evidence = lambda question, evidence: dspy.Prediction(
        sufficient=False, follow_up_queries=next(upcoming)
    )
    program.answer_question = lambda question, evidence: dspy.Prediction(answer="unused", evidence_ids="")
    retrieved: list[str] = program(conversation_id="the conversation", question=question).retrieved_ids
    return retrieved
