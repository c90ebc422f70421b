"""What MLflow gets of a final model: a run below the study's, with the model and its card."""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from convsweep.display import say
from convsweep.study import value_names
from src.config import as_yaml
from src.config.objective import recorded_name
from src.evaluation import Evaluation, occlusion
from src.finalizing.job import Final, Job
from src.finalizing.registry import enter
from src.recording import OUTBOX, study_run
from src.report import confusion_matrix, explanations
from src.tracking import NOTE, Address, Refused, TrialRun, courier, discard, is_outage, open_address

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MISTAKES = 6  # that are looked at closely
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


def _explained(final: Final, test: Evaluation) -> "Callable[[], Figure]":
    """Return what draws the worst mistakes among the test images, with what they hang on."""
    assert final.data.test is not None
    names, worst = final.data.class_names, test.worst_mistakes(MISTAKES)
    images = final.data.test.images[worst]
    falls = [
        occlusion(final.network, image, int(test.predicted[i])).falls for image, i in zip(images, worst, strict=True)
    ]
    texts = [f"{names[test.predicted[i]]} {test.confidence[i]:.2f}, is {names[test.true[i]]}" for i in worst]
    title = "the worst mistakes among the test images; red: what the answer hangs on, blue: what speaks against it"
    shape = (len(worst), *images.shape[1:3])
    return partial(explanations, images, np.array(falls).reshape(shape), texts, title)


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
        written.log_tags({NOTE: f"{final.what}. Chosen: {final.choice.words}."})
        for epoch, metrics in enumerate(results["history"], 1):
            written.log_metrics(metrics, epoch)
        numbers = {name: float(value) for name, value in results.items() if name != "history"}
        numbers |= {name: value for name, value in final.robust.items() if name == "robust_accuracy"}
        mean = final.choice.winner.mean()
        numbers |= {"mean": mean.value} | ({"mean_low": mean.low, "mean_high": mean.high} if mean.has_interval else {})
        if (test := final.test) is not None:
            known = final.tested(value_names(job.source))
            numbers |= {"test_accuracy": test.accuracy}
            numbers |= {f"test_{recorded_name(name)}": value for name, value in known.items() if math.isfinite(value)}
            draw = partial(confusion_matrix, test.confusion, final.data.class_names, "test images")
            written.log_figure(draw, "confusion_matrix.png")
            written.log_figure(_explained(final, test), "explained_mistakes.png")
        written.log_metrics(numbers)
        written.log_text(card, "model_card.md")
        log_model(written)
        written.end("COMPLETE")
    post.flush()
    return written.run_id
