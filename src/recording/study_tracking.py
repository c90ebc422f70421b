"""The application's part in the driver of a sweep: the checks before it, and the study's own MLflow run."""

import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig

from convsweep import StudyCallback
from convsweep.policy import rungs_of
from convsweep.storage import alone
from convsweep.study import ranked
from src.config import ConfigError, settings
from src.config.objective import directions, objectives
from src.recording.checkpoints import CHECKPOINT
from src.tracking import StudyRun, TrialRun, courier, is_outage, open_store, tracking_uri, unreachable

if TYPE_CHECKING:
    from optuna import Study

# The study's attributes: the id of its MLflow run, for each driver, whose MLflow may be another one; and for each such
# id, whether that run has its report.
PARENT, REPORTED = "mlflow_run_id:", "mlflow_reported:"
OUTBOX = "outbox"  # beside the trials' folders: what MLflow is still to get
LEADERS = 20


class StudyTracking(StudyCallback):
    """Keeps the parent run; listed under `hydra.sweeper.callbacks`."""

    def check(self, config: DictConfig) -> list[str]:
        try:
            self._config = settings(config)
        except ConfigError as error:
            return error.problems
        if self._config.evaluation.test:
            return [
                "`evaluation.test` must be false in a sweep, whose trials are chosen by their validation images, got "
                "true; train the best configuration by itself with evaluation.test=true"
            ]
        if not hasattr(self, "_problem"):  # one answer for all trials
            self._problem = unreachable(self._config.tracking.uri)
        return [self._problem] if self._problem else []

    def on_study_start(self, study: "Study", directory: Path, driver: str) -> None:
        try:
            self._open(study)
        except Exception as error:
            uri, reason = tracking_uri(self._config.tracking.uri), str(error).partition("\n")[0]
            raise RuntimeError(
                f"`tracking.uri`: MLflow at {uri} cannot be used ({reason}); "
                "type another address, or tracking.uri=sqlite:///mlflow.db for a file here"
            ) from error
        # The trials wait for this: by now the store and the experiment exist.
        study.set_user_attr(PARENT + driver, self._run.run_id)
        self._courier.adopt(directory / OUTBOX)

    def on_study_end(self, study: "Study", directory: Path) -> None:
        for trial in study.get_trials(deepcopy=False):
            if trial.state.is_finished():  # one that paused to the end, or whose worker was killed, left its own
                (directory / f"trial-{trial.number:04d}" / CHECKPOINT).unlink(missing_ok=True)
        tracking = self._config.tracking
        if not self._is_reported(study) and (waits := self._finish(study, directory)):
            print(f"waiting  for MLflow at {tracking_uri(tracking.uri)}: {waits}; the same command delivers it")
        where = "make ui" if tracking.uri is None else f"mlflow ui --backend-store-uri {tracking.uri}"
        print(f"review   {where}: experiment {tracking.experiment}, study {study.study_name}")

    def _open(self, study: "Study") -> None:
        tracking = self._config.tracking
        store = open_store(tracking.experiment, tracking.uri)
        self._courier = courier(tracking.experiment, tracking.uri, tracking.patience)
        with alone(study):  # or drivers of several machines that start at once would make a run each
            known = sorted(key.removeprefix(REPORTED) for key in study.user_attrs if key.startswith(REPORTED))
            self._run = StudyRun(store, study.study_name, command(), known)
            study.set_user_attr(REPORTED + self._run.run_id, False)

    def _is_reported(self, study: "Study") -> bool:
        reported = {key: done for key, done in study.user_attrs.items() if key.startswith(REPORTED)}
        if hasattr(self, "_run"):
            return reported[REPORTED + self._run.run_id]
        return bool(reported) and all(reported.values())

    def _finish(self, study: "Study", directory: Path) -> str | None:
        """Deliver what is left and close the study's run; return what MLflow could not be given."""
        try:
            if not hasattr(self, "_run"):
                self._open(study)
            if left := self._courier.settle(directory / OUTBOX) or self._correct(study, directory):
                return f"the record of {len(left)} trials, in {directory / OUTBOX}"
            self._report(study, directory)
            self._run.end(finished=all(trial.state.is_finished() for trial in study.trials))
        except Exception as error:
            if not is_outage(error):
                raise
            return f"the study's summary ({error})"
        study.set_user_attr(REPORTED + self._run.run_id, True)
        return None

    def _correct(self, study: "Study", directory: Path) -> list[Path]:
        """Tell MLflow of trials that ended without their process being able to; return what it has not got."""
        known = self._run.states()
        for trial in study.get_trials(deepcopy=False):
            number, state = trial.number, trial.state.name
            if state == known.get(number, "WAITING") or state == "RUNNING":
                continue
            record = TrialRun(
                self._courier, directory / OUTBOX, f"trial-{number:04d}", trial.params, study.study_name, number,
                self._run.run_id,
            )  # fmt: skip
            if state == "FAIL":
                error = trial.user_attrs.get("traceback") or trial.user_attrs.get("error", "")
                record.log_text(error, "traceback.txt")
            record.end(state)
        return self._courier.settle(directory / OUTBOX)

    def _report(self, study: "Study", directory: Path) -> None:
        from src.report import leaderboard, objective_history, pareto_front, rungs, slices

        names = objectives(self._config.objective)
        best = _ranked(study, names)
        counts = Counter("INFEASIBLE" if "infeasible" in t.user_attrs else t.state.name for t in study.trials)
        rows = [(t.number, t.values, {k: _short(v) for k, v in t.params.items()}) for t in best[:LEADERS]]
        self._run.describe(leaderboard(study.study_name, names, rows, counts, command()))
        self._run.log_file(str(directory / "optimization_results.yaml"))
        if best:
            self._run.log_metrics({f"best_{name}": value for name, value in zip(names, best[0].values, strict=True)})
            self._run.keep_models_of({best[0].number})
        complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
        if len(names) > 1 and complete:
            front, numbers = [trial.number for trial in best], [trial.number for trial in complete]
            figure = pareto_front(np.array([trial.values for trial in complete]), numbers, front, names)
            self._run.log_figure(figure, "pareto_front.png")
        if steps := rungs_of(study):
            curves = [trial.intermediate_values for trial in study.trials]
            whole = [trial.state.name == "COMPLETE" for trial in study.trials]
            figure = rungs(curves, whole, best[0].number if best else None, steps, names[0])
            self._run.log_figure(figure, "rungs.png")
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
            figure = slices(
                [trial.params for trial in known],
                [trial.values[i] for trial in known],
                [trial.state.name == "COMPLETE" for trial in known],
                name,
                directions([name])[0] == "maximize",
            )
            if figure is not None:
                self._run.log_figure(figure, f"slices/{name}.png")


def _ranked(study: "Study", names: list[str]) -> list[Any]:
    """Return the complete, feasible trials, best first; of several objectives the Pareto front, best in the first."""
    if len(names) == 1:
        return ranked(study)
    sign = -1 if directions(names)[0] == "maximize" else 1
    return sorted(ranked(study), key=lambda trial: (sign * trial.values[0], trial.number))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def command() -> str:
    """Return the command that this process was started with, as one would type it."""
    return shlex.join(["python", "-m", "src.sweep", *sys.argv[1:]])
