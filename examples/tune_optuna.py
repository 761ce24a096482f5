"""A study of your own with Optuna: two weights of the ranking, measured on LoCoMo without any language model.

    python tune.py run examples/tune_optuna.py
    python examples/tune_optuna.py --n-trials 20 --dataset locomo10.json

The first trial is the shipped default. The last line on stdout is one JSON document; values are the share of questions
with all their evidence in 2,000 tokens. For the whole search space, pruning and promotion use `python tune.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # examples are run from a checkout, never installed


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-trials", type=int, default=10, metavar="N", help="default: %(default)s")
    parser.add_argument("--dataset", metavar="FILE", help="a LoCoMo file (default: LOCOMO_PATH, or data/)")
    args = parser.parse_args(argv)
    from harness.commands import run_command

    return run_command("tune_optuna.py", lambda: tune_two_weights(args))


def tune_two_weights(args: argparse.Namespace) -> None:
    """Run the trials and print the best one."""
    import optuna

    from memoryqa.config import RankingConfig
    from tuning.measuring.experiment import ExperimentConfig, run_params_trial

    base = ExperimentConfig(dataset=args.dataset, validation_metrics=("all_evidence_rate",), budget_tokens=2000)
    shipped = RankingConfig()

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("bm25_k1", 0.3, 2.5)
        trial.suggest_float("synonym_weight", 0.0, 1.0)
        return run_params_trial(trial, base)

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.enqueue_trial({"bm25_k1": shipped.bm25_k1, "synonym_weight": shipped.synonym_weight})
    study.optimize(objective, n_trials=args.n_trials)

    best = study.best_trial
    print(json.dumps({"default_value": study.trials[0].value, "best_value": best.value, "best_params": best.params}))


if __name__ == "__main__":
    raise SystemExit(main())
