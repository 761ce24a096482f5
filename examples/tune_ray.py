"""A study of your own with Ray Tune: the same as examples/tune_optuna.py, spread over the processes of a Ray cluster.

    pip install '.[ray]'
    python tune.py run examples/tune_ray.py
    python examples/tune_ray.py --n-trials 20 --dataset locomo10.json

The first trial is the shipped default. The last line on stdout is one JSON document. For the whole search space,
pruning and promotion through Ray use `python tune.py --engine ray`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # examples are run from a checkout, never installed

METRIC = "all_evidence_rate"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-trials", type=int, default=10, metavar="N", help="default: %(default)s")
    parser.add_argument("--dataset", type=Path, metavar="FILE", help="a LoCoMo file (default: LOCOMO_PATH, or data/)")
    args = parser.parse_args(argv)
    from harness.commands import run_command

    return run_command("tune_ray.py", lambda: tune_two_weights(args))


def tune_two_weights(args: argparse.Namespace) -> None:
    """Run the trials and print the best one."""
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    from memoryqa.config import RankingConfig
    from tuning.measuring.experiment import ExperimentConfig, run_params_trial

    dataset = None if args.dataset is None else args.dataset.absolute()  # the processes work in other folders
    base = ExperimentConfig(dataset=dataset, validation_metrics=(METRIC,), budget_tokens=2000)
    shipped = RankingConfig()

    def objective(config: Mapping[str, Any]) -> dict[str, float]:
        return {METRIC: run_params_trial(config, base)}

    space = {"bm25_k1": tune.uniform(0.3, 2.5), "synonym_weight": tune.uniform(0.0, 1.0)}
    first = {"bm25_k1": shipped.bm25_k1, "synonym_weight": shipped.synonym_weight}
    ray.init(include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}})
    with redirect_stdout(sys.stderr), TemporaryDirectory() as folder:
        results = tune.Tuner(
            objective,
            tune_config=tune.TuneConfig(
                search_alg=OptunaSearch(space, metric=METRIC, mode="max", points_to_evaluate=[first], seed=0),
                num_samples=args.n_trials,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        ).fit()
    best = results.get_best_result(METRIC, "max")
    best_value = (best.metrics or {})[METRIC]
    print(json.dumps({"trials": len(results), "best_value": best_value, "best_params": best.config}))


if __name__ == "__main__":
    raise SystemExit(main())
