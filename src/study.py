"""The application's part in the driver of a sweep: the checks before it, and the study's own MLflow run."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from hydra_plugins.hydra_convsweep import StudyCallback
from src.config import ConfigError, settings
from src.config.objective import directions, objectives

if TYPE_CHECKING:
    from optuna import Study

PARENT = "mlflow_run_id"
LEADERS = 20


class StudyTracking(StudyCallback):
    """Keeps the parent run; listed under `hydra.sweeper.callbacks`."""

    def check(self, config: DictConfig) -> list[str]:
        try:
            self._config = settings(config)
        except ConfigError as error:
            return error.problems
        return []

    def on_study_start(self, study: "Study", directory: Path) -> None:
        from src.tracking import StudyRun, open_store

        tracking = self._config.tracking
        self._run = StudyRun(open_store(tracking.experiment, tracking.uri), study.study_name, command())
        # The trials wait for this: by now the store and the experiment exist.
        study.set_user_attr(PARENT, self._run.run_id)

    def on_study_end(self, study: "Study", directory: Path) -> None:
        if hasattr(self, "_run"):
            self._report(study, directory)
            self._run.end(finished=all(trial.state.is_finished() for trial in study.trials))
        tracking = self._config.tracking
        where = "make ui" if tracking.uri is None else f"mlflow ui --backend-store-uri {tracking.uri}"
        print(f"review   {where}: experiment {tracking.experiment}, study {study.study_name}")

    def _report(self, study: "Study", directory: Path) -> None:
        from src.report import leaderboard, objective_history

        names = objectives(self._config.objective)
        best = _ranked(study, names)
        counts = {state: sum(t.state.name == state for t in study.trials) for state in ("COMPLETE", "PRUNED", "FAIL")}
        rows = [(t.number, t.values, {k: _short(v) for k, v in t.params.items()}) for t in best[:LEADERS]]
        self._run.describe(leaderboard(study.study_name, names, rows, counts, command()))
        self._run.log_file(str(directory / "optimization_results.yaml"))
        if best:
            self._run.log_metrics({f"best_{name}": value for name, value in zip(names, best[0].values, strict=True)})
            self._run.keep_models_of({best[0].number})
        valued = [trial for trial in study.trials if trial.state.is_finished() and trial.values]
        for i, name in enumerate(names if valued else []):
            known = [trial for trial in valued if len(trial.values) > i]
            figure = objective_history(
                [trial.number for trial in known],
                [trial.values[i] for trial in known],
                [trial.state.name == "PRUNED" for trial in known],
                name,
                directions([name])[0] == "maximize",
            )
            self._run.log_figure(figure, f"objective_history/{name}.png")


def _ranked(study: "Study", names: list[str]) -> list[Any]:
    """Return the complete trials, best first; with several objectives the Pareto front, best in the first of them."""
    trials = study.best_trials if len(names) > 1 else [t for t in study.trials if t.state.name == "COMPLETE"]
    sign = -1 if directions(names)[0] == "maximize" else 1
    return sorted(trials, key=lambda trial: (sign * trial.values[0], trial.number))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def command() -> str:
    """Return the command that this process was started with, as one would type it."""
    return shlex.join(["python", "-m", "src.sweep", *sys.argv[1:]])
