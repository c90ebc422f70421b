"""What MLflow gets of a final model: a run below the study's, with the model and its card."""

from collections.abc import Callable
from functools import partial

from rich.console import Console

from convsweep.display import say
from src.config import as_yaml
from src.finalizing.job import Final, Job
from src.finalizing.registry import enter
from src.recording import OUTBOX, study_run
from src.report import confusion_matrix
from src.tracking import Address, Refused, TrialRun, courier, discard, is_outage, open_address

LogModel = Callable[[TrialRun], None]


def record(job: Job, final: Final, card: str, log_model: LogModel, console: Console, only: bool) -> None:
    """Bring it to MLflow, below the study, and register it where it is the only one; say so where that must wait."""
    tracking = final.plan.config.tracking
    address = Address.of(tracking.experiment, tracking.uri)
    try:
        store = open_address(address)
        run = study_run(store, job.study)
        run.log_text(card, "model_card.md")
        run_id = _log(job, final, card, log_model, run.run_id)
        if run_id is None:
            raise OSError("its record is not delivered")
        if only:
            name = job.registered or tracking.register or job.source.study_name
            say(console, f"registry {enter(job, final, card, store, name, run_id)}")
        else:
            say(console, "registry nothing: of several models, name the one that is meant with --trial")
    except Exception as error:
        if not (isinstance(error, (Refused, LookupError)) or is_outage(error)):
            raise
        reason = str(error).partition("\n")[0]
        say(console, f"waiting  for MLflow at {address.uri} ({reason}); the same command records the model there")


def _log(job: Job, final: Final, card: str, log_model: LogModel, parent: str) -> str | None:
    """Log the model's run; return its id, None where it waits."""
    config, results = final.plan.config, final.plan.results
    post = courier(config.tracking.experiment, config.tracking.uri, config.tracking.patience)
    discard(job.folder / OUTBOX, final.title)  # of a run that was killed, or of one that MLflow was not there for
    params = {"study": job.source.study_name, "trial": final.number, "on": job.on, **final.choice.winner.params}
    with TrialRun(
        post, job.folder / OUTBOX, final.title, params, job.source.study_name, final.number, parent, role="final"
    ) as written:
        written.log_text(as_yaml(config), "config.yaml")
        for epoch, metrics in enumerate(results["history"], 1):
            written.log_metrics(metrics, epoch)
        numbers = {name: float(value) for name, value in results.items() if name != "history"}
        numbers |= {name: value for name, value in final.robust.items() if name == "robust_accuracy"}
        mean = final.choice.winner.mean()
        numbers |= {"mean": mean.value} | ({"mean_low": mean.low, "mean_high": mean.high} if mean.count > 1 else {})
        if (test := final.test) is not None:
            numbers |= {"test_accuracy": test.accuracy, "test_log_loss": test.numbers["log_loss"]}
            draw = partial(confusion_matrix, test.confusion, final.data.class_names, "test images")
            written.log_figure(draw, "confusion_matrix.png")
        written.log_metrics(numbers)
        written.log_text(card, "model_card.md")
        log_model(written)
        written.end("COMPLETE")
    post.flush()
    return written.run_id
