"""How sure a score or a difference is: intervals, paired tests and agreement. Functions only; no file is read here.

The questions of one conversation are not independent, so intervals resample conversations. LoCoMo has ten, and often
fewer are scored. The usual percentile bootstrap is too narrow then: on 600 simulated benchmarks (conversations of
81-199 questions whose accuracies have a standard deviation of 6 points) its "95%" interval contained the truth in
86 / 88 / 88 / 92% with 5 / 7 / 10 / 20 conversations. So the tails are widened to those of Student's t with one degree
of freedom less than there are conversations (the "expanded percentile" interval of Hesterberg 2015, "What Teachers
Should Know About the Bootstrap"): 93 / 95 / 93 / 93%. With three or four conversations both fail (73-88%), so there is
no interval.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from locomo.kinds import LOCOMO, Kinds

MIN_CLUSTERS = 5
NUM_RESAMPLES = 10_000  # with 5 clusters the widened tail is 0.1%, which 2,000 resamples would place on two of them
CONFIDENCE = 0.95
Resample = Literal["conversations", "questions", "questions within conversations"]


# -- intervals ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, in the unit of the values; `clusters` is the number of clusters it rests on."""

    low: float
    high: float
    clusters: int


def as_pair(interval: Interval | None) -> list[float] | None:
    """[low, high] for JSON."""
    return None if interval is None else [interval.low, interval.high]


def clustered_interval(
    values: Sequence[float], clusters: Sequence[str], *, num_resamples: int = NUM_RESAMPLES, seed: int = 0
) -> Interval | None:
    """The 95% interval of the mean of `values`, resampling whole clusters with replacement.

    values: one per question, any unit. clusters: the cluster of each, e.g. its conversation's id. Each resample is the
    mean over all questions of the drawn clusters (a micro-average), so large conversations weigh more, as in the score.
    None when there are fewer than `MIN_CLUSTERS` clusters, and when all resamples are the same (everything right, say):
    there the data say nothing about the spread. The order of the questions does not matter.
    Raises ValueError when the two differ in length.
    """
    by_cluster = _grouped(values, clusters)
    num_clusters = len(by_cluster)
    if num_clusters < MIN_CLUSTERS:
        return None
    names = sorted(by_cluster)
    sums = np.array([math.fsum(by_cluster[name]) for name in names])  # fsum: the same in any order
    sizes = np.array([len(by_cluster[name]) for name in names])
    drawn = np.random.default_rng(seed).integers(num_clusters, size=(num_resamples, num_clusters))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return _percentiles(means, widened_tail(num_clusters), num_clusters)


def stratified_interval(values: Sequence[float], strata: Sequence[str], *, seed: int = 0) -> Interval | None:
    """The 95% percentile interval of the mean of `values`, resampling questions within each of their `strata`.

    It says what other questions of the same conversations would give, and leaves out how conversations differ.
    None when nothing differs. Raises ValueError when the two differ in length.
    """
    rng = np.random.default_rng(seed)
    sums = np.zeros(NUM_RESAMPLES)
    by_stratum = _grouped(values, strata)
    for name in sorted(by_stratum):
        members = np.array(by_stratum[name])
        distinct, counts = np.unique(members, return_counts=True)  # few distinct ones: a multinomial draw is the same
        sums += rng.multinomial(len(members), counts / len(members), size=NUM_RESAMPLES) @ distinct
    return _percentiles(sums / max(1, len(values)), (1 - CONFIDENCE) / 2, len(by_stratum))


def widened_tail(num_clusters: int) -> float:
    """The share of resamples beyond each end: 2.5%, made smaller for few clusters as the module's docstring says."""
    from scipy.stats import t

    widening = math.sqrt(num_clusters / (num_clusters - 1))  # resampling n draws underestimates variance by (n - 1) / n
    return NormalDist().cdf(-widening * float(t.ppf(0.5 + CONFIDENCE / 2, num_clusters - 1)))


def wilson_interval(successes: int, n: int) -> tuple[float, float] | None:
    """Wilson's 95% score interval of a plain proportion: n independent trials, no clusters. None for n = 0.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference". Raises ValueError unless
    0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} trials")
    if n == 0:
        return None
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def _grouped(values: Sequence[float], groups: Sequence[str]) -> dict[str, list[float]]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for value, group in zip(values, groups, strict=True):
        found[group].append(value)
    return found


def _percentiles(means: np.ndarray[Any, Any], tail: float, clusters: int) -> Interval | None:
    if np.ptp(means) < 1e-12 * max(1.0, float(np.abs(means).max())):
        return None
    low, high = np.quantile(means, (tail, 1 - tail))
    return Interval(float(low), float(high), clusters)


# -- paired comparison -------------------------------------------------------------------------------------------------


def mcnemar_exact(num_a_better: int, num_b_better: int) -> float:
    """Two-sided exact p-value of McNemar's test, 0..1: the binomial test of the pairs that differ at 1/2.

    Only pairs that differ count: with right or wrong answers those that one program got right and the other wrong; with
    graded scores such as F1 those where one scored higher, which makes it the sign test. It takes questions for
    independent, so where conversations matter it is too sure: read it beside the clustered interval.
    McNemar 1947, "Note on the sampling error of the difference between correlated proportions".
    Raises ValueError for negative counts.
    """
    if min(num_a_better, num_b_better) < 0:
        raise ValueError(f"counts cannot be negative: {num_a_better}, {num_b_better}")
    if num_a_better == num_b_better:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(num_b_better, num_a_better + num_b_better).pvalue)


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Two programs on the same `n` questions of `clusters` conversations.

    `mean_a`, `mean_b`: in the measure's unit, 0..1. `difference`: mean_b - mean_a. `interval...`: 95%, of each; to
    compare, only that of the difference counts: those of A and B overlap long before. `resampled`: what the intervals
    are over. `num_a_better`, `num_b_better`: questions on which one scored higher. `p_value`: `mcnemar_exact` of them.
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
    resampled: Resample

    @property
    def is_shown(self) -> bool:
        """Whether the interval of the difference leaves out zero; False without an interval."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high


def paired_difference(
    scores_a: Mapping[str, float],
    scores_b: Mapping[str, float],
    conversation_of: Mapping[str, str],
    *,
    resample: Resample = "conversations",
) -> PairedDifference | None:
    """Compare scores by question id, on the questions that both have; None when there are none in common.

    resample: what the intervals draw anew. `conversations` is the one to publish, and needs five of them. `questions`
    takes all questions for independent, so it does not cover what another conversation would add.
    `questions within conversations` keeps the conversations as they are (`stratified_interval`).
    """
    common = sorted(scores_a.keys() & scores_b.keys())
    if not common:
        return None
    of_a, of_b = [scores_a[question] for question in common], [scores_b[question] for question in common]
    differences = [b - a for a, b in zip(of_a, of_b, strict=True)]
    conversations = [conversation_of[question] for question in common]

    def interval(values: Sequence[float]) -> Interval | None:
        if resample == "questions within conversations":
            return stratified_interval(values, conversations)
        return clustered_interval(values, common if resample == "questions" else conversations)

    a_better, b_better = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    return PairedDifference(
        n=len(common),
        clusters=len(set(conversations)),
        mean_a=math.fsum(of_a) / len(common),
        interval_a=interval(of_a),
        mean_b=math.fsum(of_b) / len(common),
        interval_b=interval(of_b),
        difference=math.fsum(differences) / len(common),
        interval=interval(differences),
        num_a_better=a_better,
        num_b_better=b_better,
        p_value=mcnemar_exact(a_better, b_better),
        resampled=resample,
    )


# -- agreement and summaries -------------------------------------------------------------------------------------------


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


def score_intervals(rows: Collection[Mapping[str, Any]], kinds: Kinds = LOCOMO) -> dict[str, Any]:
    """95% intervals of one program's scores, [low, high] or None, under the keys of `locomo.summary.summarise`.

    `conversations` is the number of clusters that they rest on.
    """

    def interval(key: str, categories: Collection[int]) -> list[float] | None:
        measured = [row for row in rows if row["category"] in categories and row[key] is not None]
        values = [float(row[key]) for row in measured]
        return as_pair(clustered_interval(values, [row["conversation_id"] for row in measured]))

    every = set(kinds.names)
    return {
        "conversations": len({row["conversation_id"] for row in rows}),
        "f1": interval("f1", every),
        "f1_by_category": {name: interval("f1", {number}) for number, name in kinds.names.items()},
        "f1_categories_1_4": interval("f1", kinds.counted),
        "evidence_recall": interval("evidence_recall", every),
        "all_evidence_rate": interval("all_evidence", every),
    }


if __name__ == "__main__":  # the command of version 0.1; by its name, so that nothing here imports what stands above
    import runpy
    import sys

    print("note: this command is python -m reports.compare now", file=sys.stderr)
    runpy.run_module("reports.compare", run_name="__main__")
