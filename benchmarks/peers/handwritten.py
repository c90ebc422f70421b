"""The loop of Optuna, Keras and MLflow that one writes by hand.

    python -m benchmarks.peers.handwritten [--hyperband] [--processes=2]

One process, or several that share a journal, as Optuna's tutorial has it.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import mlflow
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from benchmarks.peers import setting

EXPERIMENT, STUDY = "handwritten", "peers"


def suggest(trial: optuna.Trial) -> setting.Values:
    if setting.fixed():
        if trial.number >= setting.TRIALS:  # of a worker that looked while another took the last one
            raise optuna.TrialPruned
        return setting.configurations(setting.seed())[trial.number]
    return {
        "optimizer": trial.suggest_categorical("optimizer", setting.OPTIMIZERS),
        "learning_rate": trial.suggest_float("learning_rate", *setting.RATES, log=True),
        "filters": trial.suggest_categorical("filters", setting.FILTERS),
        "depth": trial.suggest_int("depth", setting.DEPTHS[0], setting.DEPTHS[-1]),
        "dropout": trial.suggest_float("dropout", *setting.DROPOUTS),
        "batch_norm": trial.suggest_categorical("batch_norm", [True, False]),
    }


def work(parent: str, hyperband: bool, worker: int, workers: int) -> None:
    """Run trials until the study has all of them."""
    from benchmarks.peers import network  # imports TensorFlow, for which the parent of several has no use

    data = network.load()

    def objective(trial: optuna.Trial) -> float:
        values = suggest(trial)
        with mlflow.start_run(nested=True, parent_run_id=parent):
            mlflow.log_params(values)

            def after(epoch: int, metrics: dict) -> None:
                mlflow.log_metrics(metrics, step=epoch)
                trial.report(metrics["val_accuracy"], epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned

            return network.train(values, data, after)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.HyperbandPruner(1, setting.EPOCHS) if hyperband else optuna.pruners.NopPruner()
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend("journal.log")) if workers > 1 else None,
        study_name=STUDY,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=setting.seed() + 1000 * worker),
        pruner=pruner,
        load_if_exists=True,
    )
    trials = setting.TRIALS if setting.fixed() else setting.MANY
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED, optuna.trial.TrialState.RUNNING)
    while len(study.get_trials(deepcopy=False, states=states)) < trials:
        study.optimize(objective, n_trials=1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hyperband", action="store_true")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--worker", type=int)
    parser.add_argument("--parent")
    arguments = parser.parse_args()
    mlflow.set_tracking_uri(f"sqlite:///{Path.cwd()}/mlflow.db")
    if arguments.worker is not None:
        mlflow.set_experiment(EXPERIMENT)
        work(arguments.parent, arguments.hyperband, arguments.worker, arguments.processes)
        return
    mlflow.create_experiment(EXPERIMENT, artifact_location=str(Path.cwd() / "mlruns"))
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run() as run:
        if arguments.processes == 1:
            work(run.info.run_id, arguments.hyperband, 0, 1)
            return
        again = [sys.executable, "-m", "benchmarks.peers.handwritten", *sys.argv[1:], f"--parent={run.info.run_id}"]
        workers = [subprocess.Popen([*again, f"--worker={number}"]) for number in range(arguments.processes)]
        sys.exit(max(worker.wait() for worker in workers))


if __name__ == "__main__":
    main()
