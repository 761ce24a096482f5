"""95% intervals of scores whose questions come in clusters: the questions of one conversation are not independent.

LoCoMo has ten conversations, and often fewer are scored. The usual percentile bootstrap is too narrow then: on 600
simulated benchmarks (conversations of 81-199 questions whose accuracies have a standard deviation of 6 points) its
"95%" interval held the truth in 86 / 88 / 88 / 92% with 5 / 7 / 10 / 20 conversations. So the tails are widened to
those of Student's t with one degree of freedom less than there are conversations (the "expanded percentile" interval
of Hesterberg 2015, "What Teachers Should Know About the Bootstrap"): 93 / 95 / 93 / 93%. With three or four
conversations both fail (73-88%), so there is no interval.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

MIN_CLUSTERS = 5
NUM_RESAMPLES = 10_000  # of 5 clusters the widened tail is 0.1%, which 2,000 resamples would place on two of them
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, in the unit of the values; `clusters` is the number of conversations it rests on."""

    low: float
    high: float
    clusters: int


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
    by_cluster: defaultdict[str, list[float]] = defaultdict(list)
    for value, cluster in zip(values, clusters, strict=True):
        by_cluster[cluster].append(value)
    num_clusters = len(by_cluster)
    if num_clusters < MIN_CLUSTERS:
        return None
    names = sorted(by_cluster)
    sums = np.array([math.fsum(by_cluster[name]) for name in names])  # fsum: the same in any order
    sizes = np.array([len(by_cluster[name]) for name in names])
    drawn = np.random.default_rng(seed).integers(num_clusters, size=(num_resamples, num_clusters))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    if np.ptp(means) < 1e-12 * max(1.0, float(np.abs(means).max())):
        return None
    tail = _tail(num_clusters)
    low, high = np.quantile(means, (tail, 1 - tail))
    return Interval(float(low), float(high), num_clusters)


def as_pair(interval: Interval | None) -> list[float] | None:
    """[low, high] for JSON."""
    return None if interval is None else [interval.low, interval.high]


def _tail(num_clusters: int) -> float:
    """The share of resamples beyond each end: 2.5%, made smaller for few clusters as the module's docstring says."""
    widening = math.sqrt(num_clusters / (num_clusters - 1))  # resampling n draws underestimates variance by (n - 1) / n
    return NormalDist().cdf(-widening * student_t_quantile(0.5 + CONFIDENCE / 2, num_clusters - 1))


def student_t_quantile(probability: float, degrees_of_freedom: int) -> float:
    """Quantile of Student's t by Abramowitz & Stegun 26.7.5; at 0.975 within 0.1% from four degrees of freedom on."""
    z, v = NormalDist().inv_cdf(probability), degrees_of_freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )
