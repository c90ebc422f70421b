"""The model card of a final model: what is known of it, put together."""

from collections.abc import Sequence

from convsweep.intervals import share_of
from convsweep.study import value_names
from src.config import as_yaml
from src.finalizing.choice import Candidate, header_of, rows_of
from src.finalizing.job import Final, Job
from src.finalizing.tests_asked import tests_asked
from src.recording import command
from src.recording.environment import digest_of, environment
from src.report import Card, model_card


def describe(job: Job, final: Final, candidates: Sequence[Candidate]) -> str:
    """Return the model card."""
    data, names = final.data, value_names(job.source)
    trained = [part for part in ("train", "validation", "test") if getattr(data, part) is not None]
    sizes = ", ".join(f"{len(getattr(data, part).images):,} {part}" for part in trained)
    height, width, channels = data.input_shape
    counts = f"{final.network.count_params():,} parameters"
    results = final.plan.results
    notes = [
        f"The test images judged {one.model} as well, on {one.when}: {one.accuracy:.4f}."
        for one in tests_asked(job.study)
        if one.model != final.title and one.accuracy is not None
    ]
    mean = final.choice.winner.mean()
    numbers = [["", "value", "95% interval", "from"]]
    for i, name in enumerate(names):
        of = final.choice.winner.mean(i)
        numbers.append(
            [name, f"{of.value:.4f}", _interval(of.low, of.high, of.count), f"{of.count} seeds, validation images"]
        )
    judged, by = (final.test, "test images") if final.test is not None else (final.validation, "validation images")
    if final.test is not None:
        hits = int((final.test.predicted == final.test.true).sum())
        share = share_of(hits, len(final.test.true))
        numbers.append(
            [
                "test accuracy",
                f"{share.value:.4f}",
                _interval(share.low, share.high),
                f"{share.count} test images, asked once",
            ]
        )
        for name, value in final.test.numbers.items():
            numbers.append([f"test {name.replace('_', ' ')}", f"{value:.4f}", "", ""])
    if mean.count < 2:
        notes.append("A single seed says nothing about how far the numbers spread.")
    where = getattr(final.plan.config.dataset, "path", None)
    searched = sum(trial.state.is_finished() for trial in job.source.get_trials(deepcopy=False))
    card = Card(
        name=f"{job.source.study_name}, {final.title}",
        what=f"{final.what}: {counts}. It takes uint8 images of {height} x {width} x {channels} and returns the "
             f"probabilities of {len(data.class_names)} classes.",
        data=[
            f"{data.name}{f', {where}' if where else ''}: {sizes} images, digest {digest_of(data)}",
            f"classes: {', '.join(data.class_names)}",
            f"trained on {job.on}" + (f", {len(results['history'])} epochs" if results["history"] else ""),
            *data.notes,
        ],
        class_names=data.class_names,
        candidates=[header_of(names), *rows_of(candidates)],
        choice=f"The study {job.source.study_name} tried {searched} configurations. Chosen: {final.choice.words}.",
        numbers=numbers,
        judged=judged,
        judged_by=by,
        robust=final.robust,
        notes=notes,
        config=as_yaml(final.plan.config),
        command=command(),
        versions=versions(final),
    )  # fmt: skip
    return model_card(card)


def _interval(low: float, high: float, count: int = 2) -> str:
    return f"{low:.4f} to {high:.4f}" if count > 1 else ""


def versions(final: Final) -> dict[str, str]:
    """Return the versions of what made it: Python, packages, the code; and on what it ran."""
    config = final.plan.config
    stood = environment(config, final.data, final.plan.seed, config.training.threads)
    found = {"python": stood["python"], **stood["packages"], "device": stood["device"]}
    if commit := stood["code"].get("commit"):
        found["code"] = f"commit {commit[:12]}" + (", and changes" if stood["code"]["changes"] else "")
    return found
