"""How sure a difference is: intervals, paired tests and agreement; and the command that compares two programs.

    python -m locomo.statistics RUN_A RUN_B                                   # the same program in two runs
    python -m locomo.statistics RUN --program-a simple --program-b memory     # two programs of one run
    python -m locomo.statistics RUN_A RUN_B --exclude wrong_gold.txt          # with, and without those questions

Only questions that both answered are compared. Intervals are of the bootstrap over conversations (locomo/bootstrap.py);
with fewer than five conversations there are none. The p-value is of the exact paired test, see `mcnemar_exact`. A table
goes to stderr, one JSON document to the last line of stdout.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from locomo.bootstrap import CONFIDENCE, Interval, as_pair, clustered_interval
from locomo.schema import ADVERSARIAL, CATEGORY_NAMES


def wilson_interval(successes: int, n: int) -> tuple[float, float] | None:
    """Wilson's 95% score interval of a plain proportion: n independent trials, no clusters. None for n = 0.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference". Raises ValueError unless
    0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} trials")
    if n == 0:
        return None
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    share, scale = successes / n, 1 + z * z / n
    middle = (share + z * z / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    low = 0.0 if successes == 0 else middle - half  # exactly, where rounding would leave 1e-17
    return low, 1.0 if successes == n else middle + half


def mcnemar_exact(num_a_better: int, num_b_better: int) -> float:
    """Two-sided exact p-value of McNemar's test, 0..1: twice the smaller binomial tail at 1/2, at most 1.

    Only pairs that differ count: of right or wrong answers those that one program got right and the other wrong; of
    graded scores such as F1 those where one scored higher, which makes it the sign test. It takes questions for
    independent, so where conversations matter it is too sure: read it beside the clustered interval.
    McNemar 1947, "Note on the sampling error of the difference between correlated proportions". Exact for any n.
    Raises ValueError for negative counts.
    """
    smaller, n = min(num_a_better, num_b_better), num_a_better + num_b_better
    if smaller < 0:
        raise ValueError(f"counts cannot be negative: {num_a_better}, {num_b_better}")
    ways = tail = 1
    for k in range(smaller):
        ways = ways * (n - k) // (k + 1)
        tail += ways
    return min(1.0, 2 * tail / 2**n)


def cohens_kappa(labels_a: Sequence[object], labels_b: Sequence[object]) -> float | None:
    """Agreement of two raters beyond chance, -1..1; None when chance alone explains it all, or there is nothing.

    (observed - expected) / (1 - expected), where two raters with the same label throughout are expected to agree.
    Cohen 1960, "A coefficient of agreement for nominal scales". Raises ValueError when lengths differ.
    """
    n = len(labels_a)
    agreed = sum(a == b for a, b in zip(labels_a, labels_b, strict=True))
    counts_a, counts_b = Counter(labels_a), Counter(labels_b)
    by_chance = sum(counts_a[label] * counts_b[label] for label in counts_a)
    if n == 0 or by_chance == n * n:
        return None
    return (agreed * n - by_chance) / (n * n - by_chance)


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Two programs on the same `n` questions of `clusters` conversations.

    `mean_a`, `mean_b`: in the measure's unit, 0..1. `difference`: mean_b - mean_a. `interval...`: 95%, of each; to
    compare, only that of the difference counts: those of A and B overlap long before.
    `num_a_better`, `num_b_better`: questions on which one scored higher. `p_value`: `mcnemar_exact` of the two.
    """

    n: int
    clusters: int
    mean_a: float
    interval_a: Interval | None
    mean_b: float
    interval_b: Interval | None
    difference: float
    interval: Interval | None
    num_a_better: int
    num_b_better: int
    p_value: float


def paired_difference(
    scores_a: Mapping[str, float], scores_b: Mapping[str, float], conversation_of: Mapping[str, str]
) -> PairedDifference | None:
    """Compare scores by question id, on the questions that both have; None when there are none in common."""
    common = sorted(scores_a.keys() & scores_b.keys())
    if not common:
        return None
    of_a, of_b = [scores_a[question] for question in common], [scores_b[question] for question in common]
    differences = [b - a for a, b in zip(of_a, of_b, strict=True)]
    conversations = [conversation_of[question] for question in common]
    a_better, b_better = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    return PairedDifference(
        n=len(common),
        clusters=len(set(conversations)),
        mean_a=math.fsum(of_a) / len(common),
        interval_a=clustered_interval(of_a, conversations),
        mean_b=math.fsum(of_b) / len(common),
        interval_b=clustered_interval(of_b, conversations),
        difference=math.fsum(differences) / len(common),
        interval=clustered_interval(differences, conversations),
        num_a_better=a_better,
        num_b_better=b_better,
        p_value=mcnemar_exact(a_better, b_better),
    )


def score_intervals(rows: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    """95% intervals of one program's scores, [low, high] or None, under the keys of `locomo.summary.summarise`.

    `conversations` is the number of clusters that they rest on.
    """

    def interval(key: str, categories: Collection[int]) -> list[float] | None:
        measured = [row for row in rows if row["category"] in categories and row[key] is not None]
        values = [float(row[key]) for row in measured]
        return as_pair(clustered_interval(values, [row["conversation_id"] for row in measured]))

    every = set(CATEGORY_NAMES)
    return {
        "conversations": len({row["conversation_id"] for row in rows}),
        "f1": interval("f1", every),
        "f1_by_category": {name: interval("f1", {number}) for number, name in CATEGORY_NAMES.items()},
        "f1_categories_1_4": interval("f1", set(CATEGORY_NAMES) - {ADVERSARIAL}),
        "evidence_recall": interval("evidence_recall", every),
        "all_evidence_rate": interval("all_evidence", every),
    }


# -- the command -------------------------------------------------------------------------------------------------------


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m locomo.statistics", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run_a", type=Path, metavar="RUN_A", help="folder of a run of evaluate.py")
    parser.add_argument("run_b", type=Path, nargs="?", metavar="RUN_B", help="another one; default: RUN_A")
    parser.add_argument("--program-a", metavar="NAME", help="default: the only one, else memory; of one run the first")
    parser.add_argument("--program-b", metavar="NAME", help="default: the only one, else memory")
    parser.add_argument(
        "--exclude",
        type=Path,
        metavar="FILE",
        help="question ids, a line each, # for comments: compare without, too",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: compared; 2: a run folder, a program's name or FILE cannot be used."""
    args = build_parser().parse_args(argv)
    from harness.files import JsonlFile
    from harness.runs import Run
    from locomo.run_comparison import compare_programs, print_comparison

    try:
        runs = [Run.open(run_dir) for run_dir in (args.run_a, args.run_b or args.run_a)]
        document = compare_programs(
            *(run.run_dir for run in runs),
            open_file=JsonlFile,
            names=(args.program_a, args.program_b),
            exclude=args.exclude,
        )
    except ValueError as error:
        print(f"locomo.statistics: {error}", file=sys.stderr)
        return 2
    print_comparison(document)
    print(json.dumps(document))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
