"""The application's part in the driver of a sweep: the checks before it, and the study's own MLflow run."""

import hashlib
import os
import shlex
import sys
import threading
from collections import Counter
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig

from convsweep import StudyCallback
from convsweep.errors import is_disk_full, printable
from convsweep.insight import Findings, as_markdown, in_brief, look_back
from convsweep.policy import repeated_number, rungs_of, seconds_of
from convsweep.storage import alone
from convsweep.study import (
    is_enumerated,
    is_infeasible,
    ranked,
    repeated,
    shortened,
    spread_of,
    tell_ranges,
    values_of,
)  # fmt: skip
from src.config import Config, ConfigError, new_defaults, settings
from src.config import optimizer as optimizers
from src.config.objective import bounds, by_epoch, directions, objectives
from src.process import program
from src.process.program import MODULE
from src.recording.checkpoints import remove_checkpoints
from src.recording.members import EPOCHS
from src.recording.study_report import PARENT, REPORTED, exhibits
from src.tracking import (
    NOT_KEPT,
    Address,
    Courier,
    Refused,
    Store,
    StudyRun,
    TrialRun,
    courier,
    find_port,
    find_problem,
    is_outage,
    may_not_write,
    open_address,
    page,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from src.report import Row

ABOVE = "mlflow_above"  # the ids of the runs, in one store or another, below one of which the study's is to be
OPEN = "mlflow_open:"  # with a digest of an address: a driver began to record there, and has not reported yet
VIEW = "mlflow_view:"  # with such a digest: the page there has the study's own columns and charts
OUTBOX = "outbox"  # beside the trials' folders: what MLflow is still to get


class StudyTracking(StudyCallback):
    """Keeps the parent run, and brings the trials' records to it; listed under `hydra.sweeper.callbacks`."""

    def __init__(self) -> None:
        self._runs: dict[Address, StudyRun] = {}  # the study's run in each store that its records go to
        self._opening = threading.Lock()

    def check(self, config: DictConfig) -> list[str]:
        try:
            self._config = settings(config)
            self._sweeper = config.hydra.sweeper if "hydra" in config else {}
        except ConfigError as error:
            return error.problems
        if self._config.evaluation.test:
            return [
                "`evaluation.test` must be false in a sweep, whose trials are chosen by their validation images, got "
                "true; train the best configuration by itself with evaluation.test=true"
            ]
        if problem := _check_budget(self._config, self._sweeper.get("budget")):
            return [problem]
        if not hasattr(self, "_problem"):  # one answer for all trials
            self._problem = find_problem(self._address)
        return [self._problem] if self._problem else []

    def defaults(self, config: DictConfig) -> list[str]:
        return [f"optimizer.{name}" for name in optimizers.defaults(config.optimizer)] + new_defaults(config)

    def on_study_start(self, study: "Study", directory: Path, driver: str) -> None:
        study.set_user_attr(self._open_key, True)
        tell_ranges(study, [bounds(name) for name in objectives(self._config.objective)])
        self._post.serve(directory / OUTBOX, partial(self._parent, study))  # at once: a trial may begin
        if problem := may_not_write(self._address):
            raise RuntimeError(problem)
        if self._address.database is None and not self._address.is_server:  # only MLflow knows how to ask there
            try:
                open_address(self._address)
            except Exception as error:
                uri, reason = self._address.uri, str(error).partition("\n")[0]
                raise RuntimeError(
                    f"`tracking.uri`: MLflow at {uri} cannot be used ({reason}); "
                    "type another address, or tracking.uri=sqlite:///mlflow.db for a file here"
                ) from error

    def on_study_end(self, study: "Study", directory: Path) -> None:
        trials = study.get_trials(deepcopy=False)
        if not any(trial.datetime_start for trial in trials):
            self._post.leave()  # interrupted before the first: there is nothing to show, and MLflow takes seconds
            return
        for trial in trials:
            if trial.state.is_finished():  # one that paused to the end, or whose worker was killed, left its own
                remove_checkpoints(directory / f"trial-{trial.number:04d}")
        if not self._is_reported(study) and (waits := self._finish(study, directory)):
            print(f"waiting  for MLflow at {self._address.uri}: {waits}; the same command delivers it")
        self._post.leave()
        if why := not_kept(_ranked(study, objectives(self._config.objective))):
            print(f"model    {printable(why)}")
        if (report := directory / "report.html").exists():
            print(f"report   {os.path.relpath(report)}")
        viewed = bool(study.user_attrs.get(VIEW + _digest(self._address)))
        link = page(self._address, study.study_name, self._maximizes, viewed=viewed)
        print(f"review   {where_to_look(self._config, link)}")

    @property
    def _address(self) -> Address:
        return Address.of(self._config.tracking.experiment, self._config.tracking.uri)

    @property
    def _maximizes(self) -> bool:
        return directions(objectives(self._config.objective))[0] == "maximize"

    @property
    def _post(self) -> Courier:
        tracking = self._config.tracking
        return courier(tracking.experiment, tracking.uri, tracking.patience)

    def _parent(self, study: "Study", store: Store, driver: str) -> str:
        """Return the id of the study's run in a store, for the trials of a driver, this one or an earlier one."""
        run = self._run_in(store, study)
        run.take_driver(driver)
        study.set_user_attr(PARENT + driver, run.run_id)
        return run.run_id

    def _run_in(self, store: Store, study: "Study") -> StudyRun:
        with self._opening:
            if store.address not in self._runs:
                self._runs[store.address] = study_run(store, study)
            return self._runs[store.address]

    def _is_reported(self, study: "Study") -> bool:
        reported = [done for key, done in study.user_attrs.items() if key.startswith(REPORTED)]
        return not study.user_attrs.get(self._open_key, False) and bool(reported) and all(reported)

    @property
    def _open_key(self) -> str:
        return OPEN + _digest(self._address)

    def _finish(self, study: "Study", directory: Path) -> str | None:
        """Deliver what is left and close the study's run; return what MLflow could not be given."""
        left = self._post.settle(directory / OUTBOX)
        try:
            own = self._run_in(open_address(self._address), study)
            left = left or self._correct(study, directory, own)
            for run in self._runs.values():
                self._report(study, directory, run)
                run.end(finished=all(trial.state.is_finished() for trial in study.trials))
        except Exception as error:
            if not (isinstance(error, Refused) or is_outage(error)):
                raise
            if not left:
                return f"the study's summary ({error})"
        if left:
            reasons = "; ".join(sorted({self._post.why(folder) for folder in left}))
            return f"the record of {len(left)} trial{'s' * (len(left) != 1)}, in {directory / OUTBOX} ({reasons})"
        for run in self._runs.values():
            study.set_user_attr(REPORTED + run.run_id, True)
        study.set_user_attr(self._open_key, False)
        return None

    def _describe(self, study: "Study") -> dict[str, str]:
        """Return what a study is, as params of its run."""
        config, sweeper = self._config, self._sweeper
        space = study.user_attrs.get("convsweep", {}).get("space", {})
        fixed = {
            "dataset": config.dataset.name,
            "model": config.model.name,
            "optimizer": config.optimizer["_target_"].rpartition(".")[2].lower(),
            "epochs": config.training.epochs,
            "batch_size": config.training.batch_size,
        }
        ends = {"dataset": "name", "model": "name", "optimizer": "_target_", "epochs": "training.epochs",
                "batch_size": "training.batch_size"}  # fmt: skip
        known = {key: value for key, value in fixed.items() if not {key, ends[key]} & set(space)}
        known |= {
            "objective": ", ".join(objectives(config.objective)),
            "constraints": "; ".join(config.constraints),
            "budget": sweeper.get("budget") or f"{len(study.trials)} trials",
            "confirm": sweeper.get("confirm"),
            "seed": study.user_attrs.get("seed", config.seed),
        }
        if is_enumerated(study):
            known["sampler"] = "every combination"
        else:
            known["sampler"] = _name_of(sweeper.get("sampler"))
            if len(objectives(config.objective)) == 1:
                known |= {part: _name_of(sweeper.get(part)) for part in ("pruner", "scheduler")}
        return (
            {key: str(value) for key, value in known.items() if value not in (None, "")}
            | {f"space.{key}": str(values) for key, values in space.items()}
            | {
                key: str(value)
                for key, value in study.user_attrs.get("convsweep", {}).get("settings", {}).items()
                if value not in (None, "", [], {}) and not key.startswith("tracking.") and "${" not in str(value)
            }
        )

    def _correct(self, study: "Study", directory: Path, run: StudyRun) -> list[Path]:
        """Tell MLflow of trials that ended without their process being able to; return what it has not got."""
        known = run.states()
        for trial in study.get_trials(deepcopy=False):
            number, state = trial.number, trial.state.name
            if state == known.get(number, "WAITING") or state == "RUNNING":
                continue
            record = TrialRun(
                self._post, directory / OUTBOX, f"trial-{number:04d}", trial.params, study.study_name, number,
                run.run_id,
            )  # fmt: skip
            if state == "FAIL":
                error = trial.user_attrs.get("traceback") or trial.user_attrs.get("error", "")
                record.log_text(error, "traceback.txt")
            record.end(state)
        return self._post.settle(directory / OUTBOX)

    def _report(self, study: "Study", directory: Path, run: StudyRun) -> None:
        from src.report import leaderboard, objective_history, pareto_front, rungs, slices, trials_table

        names = objectives(self._config.objective)
        best = _ranked(study, names)
        counts = Counter(_state(t) for t in study.trials)
        searched = list(study.user_attrs.get("convsweep", {}).get("space", {}))
        viewed = run.show(searched, _curves(names), self._maximizes)
        study.set_user_attr(VIEW + _digest(run.address), viewed)
        links = {
            "all trials": run.all_trials(self._maximizes, viewed),
            "charts": run.all_trials(self._maximizes, viewed, charts=True),
        }
        if find_spec("plotly") is not None:
            links["report"] = run.artifact_page("report.html")
        findings = look_back(study)
        run.describe(leaderboard(names, _rows(best, findings), counts, run.pages(), links, in_brief(findings)))
        if mattered := as_markdown(findings):
            run.log_text(mattered, "what_mattered.md")
        run.log_text(trials_table(names, _in_order(study, best)), "leaderboard.csv")
        run.log_params(self._describe(study))
        run.log_file(str(directory / "optimization_results.yaml"))
        if best:
            run.log_metrics({f"best_{name}": value for name, value in zip(names, best[0].values, strict=True)})
            run.keep_models_of(_runs_of_the_best(best))
        if len(names) == 1 and (again := repeated(study)):
            mean = again[0].mean
            interval = {"confirmed_low": mean.low, "confirmed_high": mean.high} if mean.has_interval else {}
            run.log_metrics({"confirmed_mean": mean.value, **interval})
        complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
        if len(names) > 1 and complete:
            front, numbers = [trial.number for trial in best], [trial.number for trial in complete]
            out = [trial.number for trial in complete if is_infeasible(trial)]
            figure = pareto_front(np.array([trial.values for trial in complete]), numbers, front, names, out)
            run.log_figure(figure, "pareto_front.png")
        if steps := rungs_of(study):
            curves = [trial.intermediate_values for trial in study.trials]
            whole = [trial.state.name == "COMPLETE" for trial in study.trials]
            unit = "fold" if self._config.dataset.splits > 1 else "epoch"
            figure = rungs(curves, whole, best[0].number if best else None, steps, names[0], unit)
            run.log_figure(figure, "rungs.png")
        valued = [trial for trial in study.trials if trial.state.is_finished() and trial.values]
        for i, name in enumerate(names if valued else []):
            known = [trial for trial in valued if len(trial.values) > i]
            figure = objective_history(
                [trial.number for trial in known],
                [trial.values[i] for trial in known],
                [trial.state.name == "PRUNED" for trial in known],
                name,
                directions([name])[0] == "maximize",
                [is_infeasible(trial) for trial in known],
            )
            run.log_figure(figure, f"objective_history/{name}.png")
            known = [trial for trial in known if not is_infeasible(trial)]
            figure = slices(
                [trial.params for trial in known],
                [trial.values[i] for trial in known],
                [trial.state.name == "COMPLETE" for trial in known],
                name,
                directions([name])[0] == "maximize",
                [max(trial.intermediate_values, default=0) for trial in known] if len(names) == 1 else [],
            )
            if figure is not None:
                run.log_figure(figure, f"slices/{name}.png")
        self._log_report(study, directory, run, findings)

    def _log_report(self, study: "Study", directory: Path, run: StudyRun, findings: Findings) -> None:
        """Write the study's report into its folder and keep it in MLflow; without Plotly there is none."""
        if find_spec("plotly") is None:
            return
        from convsweep.report import write_report

        file = directory / "report.html"
        try:
            found, note = exhibits(study, self._address.uri)
            write_report(study, file, found, findings, note)
        except Exception as error:  # a figure that cannot be drawn is no reason to lose the rest
            if is_disk_full(error):
                raise
            again = f"{program('report')} {study.study_name}"
            print(f"note     no report was written: {type(error).__name__}: {error}; {again} tries again")
            return
        run.log_file(str(file))


def not_kept(best: "list[FrozenTrial]") -> str | None:
    """Say that the best trial has no model, and why; None where it has."""
    if not best or NOT_KEPT not in best[0].user_attrs:
        return None
    return f"that of trial {best[0].number}, the best, is not kept: {best[0].user_attrs[NOT_KEPT]}"


def _runs_of_the_best(best: "list[FrozenTrial]") -> set[int]:
    """Return the trials that trained the best configuration, one, or several where it was confirmed.

    Which of them has a model is not known here: one of the search may not have been its best at the time.
    """
    configurations = {t.number: repeated_number(t) for t in best}
    configurations = {number: number if of is None else of for number, of in configurations.items()}
    return {number for number, of in configurations.items() if of == configurations[best[0].number]}


def study_run(store: Store, study: "Study") -> StudyRun:
    """Return the study's run in a store, a new one if there is none."""
    with alone(study):  # or drivers of several machines that start at once would make a run each
        run = StudyRun(store, study.study_name, command(), runs_of(study), study.user_attrs.get(ABOVE, ()))
        study.set_user_attr(REPORTED + run.run_id, False)
        return run


def runs_of(study: "Study") -> list[str]:
    """Return the ids of a study's runs, in whatever store each is."""
    return sorted(key.removeprefix(REPORTED) for key in study.user_attrs if key.startswith(REPORTED))


def _check_budget(config: Config, budget: Any) -> str | None:
    """Refuse a budget of epochs where a step is a fold, and the other way round."""
    words = {"epoch": "epochs", "step": "epochs", "fold": "folds"}
    given = next((unit for word, unit in words.items() if word in str(budget).lower()), None)
    unit = "folds" if config.dataset.splits > 1 else "epochs"
    if given in (None, unit):
        return None
    count = "".join(filter(str.isdigit, str(budget)))
    shown = "null" if config.dataset.folds is None else config.dataset.folds
    return (
        f"`hydra.sweeper.budget` must count {unit} with dataset.folds={shown}, got {budget}; "
        f"type e.g. hydra.sweeper.budget={count}{unit}"
    )


def _digest(address: Address) -> str:
    return hashlib.sha256(f"{address.uri} {address.experiment}".encode()).hexdigest()[:12]


def _curves(names: list[str]) -> list[str]:
    """Return the metrics by epoch that a reader looks at first."""
    return list(dict.fromkeys([*filter(None, map(by_epoch, names)), "val_accuracy", "val_loss"]))


def _in_order(study: "Study", best: list[Any]) -> list[dict[str, Any]]:
    """Return all trials as rows of a table: the ranked ones, then the rest by number."""
    ranked = {trial.number for trial in best}
    rest = [trial for trial in study.get_trials(deepcopy=False) if trial.number not in ranked]
    return [
        {
            "number": trial.number,
            "state": _state(trial),
            "values": list(trial.values or []),
            "spread": list(spread_of(trial)),
            "params": {key: _short(value) for key, value in trial.params.items()},
            "epochs": trial.user_attrs.get(EPOCHS, max(trial.intermediate_values, default="")),
            "seconds": round(seconds_of(trial), 1),
        }
        for trial in [*best, *rest]
    ]


def _state(trial: "FrozenTrial") -> str:
    return "INFEASIBLE" if is_infeasible(trial) else trial.state.name


def _rows(best: "list[FrozenTrial]", findings: Findings) -> "list[Row]":
    """Return the best trials for a leaderboard, their keys without groups, the most important first."""
    from src.report import Row

    mattered = (one.key for importances in findings.importances.values() for one in importances)
    short = shortened([*mattered, *(key for trial in best for key in trial.params)])
    found = []
    for trial in best:
        there = [key for key in short if key in trial.params]
        params = {printable(short[key]): printable(_short(trial.params[key])) for key in there}
        found.append(Row(trial.number, values_of(trial), params))
    return found


def _name_of(part: Any) -> str | None:
    """Return the class of a sampler, a pruner or a scheduler."""
    target = part.get("_target_") if hasattr(part, "get") else None
    return target.rpartition(".")[2] if target else None


def where_to_look(config: Config, link: str) -> str:
    """Say how to get to a page of MLflow: at a server's at once, at a database's when the page is served."""
    uri = config.tracking.uri
    address = Address.of(config.tracking.experiment, uri)
    if address.is_server or find_port(address)[1]:
        return link
    start = program("ui")
    if uri is None and Path("src/ui.py").exists() and start.startswith(MODULE):
        start = "make ui"
    return f"{' '.join(filter(None, [start, uri]))}, then {link}"


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
    name = Path(sys.argv[0]).stem
    return f"{program(name if name == 'finalize' else 'sweep')} {shlex.join(sys.argv[1:])}".strip()
