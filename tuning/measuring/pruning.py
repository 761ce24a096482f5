"""Ends a trial once its questions show that it is worse than the best one: Wilcoxon's test, question by question.

Optuna's WilcoxonPruner decides; its thresholds are in tuning/studies/samplers.py. The scores stay in this process:
reporting each of 800 questions to a storage would take longer than asking them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import optuna
from optuna.trial import TrialState, create_trial

from locomo.asking import Row
from tuning.studies.samplers import WILCOXON_STARTUP_QUESTIONS, build_pruner

LOOK_EVERY = 20  # questions; every look is another chance to be wrong


class BestSoFar:
    """The best trial, question by question, and whether others are worse.

    rows: the best trial's, by question id. grade: the score of a row that is compared (tuning/objectives.py). A trial
    that has found all evidence of more questions than the best one is never worse, even with lower grades.
    """

    def __init__(self, rows: Mapping[str, Row], grade: Callable[[Row], float]) -> None:
        self._grade = grade
        self._complete = {question_id: bool(row["all_evidence"]) for question_id, row in rows.items()}
        scores = {question_id: grade(row) for question_id, row in rows.items()}
        self._place = {question_id: place for place, question_id in enumerate(sorted(scores))}
        self._pruner = build_pruner("wilcoxon")
        storage = optuna.storages.InMemoryStorage()
        storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "best")
        self._study = optuna.load_study(study_name="best", storage=storage)
        self._study.add_trial(
            create_trial(
                state=TrialState.COMPLETE,
                value=sum(scores.values()) / len(scores),
                intermediate_values={self._place[question_id]: score for question_id, score in scores.items()},
            )
        )

    def beats(self, rows: Mapping[str, Row]) -> bool:
        """Whether the best trial is better on the questions of `rows`, beyond chance. It looks only after every
        `LOOK_EVERY` questions, and is False in between."""
        if len(rows) < WILCOXON_STARTUP_QUESTIONS or len(rows) % LOOK_EVERY:
            return False
        if sum(row["all_evidence"] - self._complete[question_id] for question_id, row in rows.items()) > 0:
            return False
        running = create_trial(
            state=TrialState.RUNNING,
            intermediate_values={self._place[question_id]: self._grade(row) for question_id, row in rows.items()},
        )
        return self._pruner.prune(self._study, running)
