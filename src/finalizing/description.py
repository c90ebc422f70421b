"""The model card of a final model: what is known of it, put together."""

import shlex
import time
from collections.abc import Sequence

import numpy as np

from convsweep.intervals import share_of
from convsweep.study import is_infeasible, value_names
from src.config import as_yaml
from src.config.objective import OF_NO_IMAGES, is_own
from src.dataset import Split
from src.evaluation import fit_temperature
from src.finalizing.candidates import search_overrides
from src.finalizing.choice import Candidate, header_of, rows_of
from src.finalizing.job import Final, Job
from src.finalizing.tests_asked import tests_asked
from src.finalizing.winner import ON
from src.process import program
from src.recording import command
from src.recording.environment import digest_of
from src.recording.trial_record import weights_digest
from src.report import Card, model_card

PARTS = ("train", "validation", "test")
LARGE = 1000  # a number that needs no decimals
FEW = 30  # images of a class, below which its recall is hardly known
LISTED = 20  # classes in a line
FITS = {"stretch": "stretched to", "crop": "cut to the largest part in the middle of", "pad": "put on black to fill"}


def describe(job: Job, final: Final, candidates: Sequence[Candidate]) -> str:
    """Return the model card."""
    data = final.data
    height, width, channels = data.input_shape
    judged, by = (final.test, "test images") if final.test is not None else (final.validation, "validation images")
    if final.test is None and job.on == ON[1]:
        by = "validation images, which a network of the same configuration was not trained on; this one was"
    validation = final.validation
    card = Card(
        name=f"{job.source.study_name}, {final.title}",
        what=f"{final.what}: {final.network.count_params():,} parameters. It takes uint8 images of {height} x {width} "
             f"x {channels} and returns the probabilities of {len(data.class_names)} classes.",
        data=_data(job, final),
        class_names=data.class_names,
        counts={part: _counts(split, len(data.class_names)) for part, split in _parts(final)},
        candidates=[header_of(value_names(job.source)), *rows_of(candidates)],
        choice=f"{_searched(job)} Chosen: {final.choice.words}.",
        numbers=_numbers(job, final),
        judged=judged,
        judged_by=by,
        temperature=fit_temperature(validation.probabilities, validation.true) if validation is not None else 1.0,
        fitted_on="validation images",
        limits=_limits(job, final),
        robust=final.robust,
        notes=_notes(job, final),
        config=as_yaml(final.plan.config),
        commands=[f"{program('sweep')} {shlex.join(search_overrides(job.place))}", command()],
        made=_made(job, final),
    )  # fmt: skip
    return model_card(card)


def _parts(final: Final) -> list[tuple[str, Split]]:
    return [(part, split) for part in PARTS if (split := getattr(final.data, part)) is not None]


def _counts(split: Split, classes: int) -> list[int]:
    true = split.labels.argmax(axis=1) if split.labels.ndim > 1 else split.labels
    return np.bincount(true.astype(np.int64), minlength=classes).tolist()


def _data(job: Job, final: Final) -> list[str]:
    data, results = final.data, final.plan.results
    where = getattr(final.plan.config.dataset, "path", None)
    sizes = ", ".join(f"{len(split.images):,} {part}" for part, split in _parts(final))
    lines = [
        f"{data.name}{f', {where}' if where else ''}: {sizes} images, digest {digest_of(data)}",
        f"trained on {job.on}" + (f", {len(results['history'])} epochs" if results["history"] else ""),
    ]
    if (how := data.preprocessing) is not None:
        size = f"{how.image_size[0]} x {how.image_size[1]}"
        span = "" if how.value_range is None else f", values from {how.value_range[0]:g} to {how.value_range[1]:g}"
        colour = "grey" if how.channels == 1 else "in colour"
        lines.append(f"an image is turned upright and {FITS[how.fit]} {size} pixels, {colour}{span}")
    return [*lines, *data.notes]


def _searched(job: Job) -> str:
    """Say what the search has tried."""
    trials = job.source.get_trials(deepcopy=False)
    out = sum(map(is_infeasible, trials))
    states = [trial.state.name for trial in trials if not is_infeasible(trial)]
    kinds = {
        "trained to the end": states.count("COMPLETE"),
        "stopped or paused before": states.count("PRUNED") + states.count("WAITING"),
        "infeasible": out,
        "failed": states.count("FAIL"),
    }
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    space = job.source.user_attrs.get("convsweep", {}).get("space", {})
    searched = f" It searched {'; '.join(f'`{key}` {values}' for key, values in space.items())}." if space else ""
    return f"The study {job.source.study_name} tried {len(trials)} configurations: {said}.{searched}"


def _numbers(job: Job, final: Final) -> list[list[str]]:
    numbers = [["", "value", "95% interval", "from"]]
    for i, name in enumerate(value_names(job.source)):
        of = final.choice.winner.mean(i)
        ends = _interval(of.low, of.high) if of.has_interval else "all equal" if of.count > 1 else ""
        by = "" if name in OF_NO_IMAGES else ", validation images"
        value = f"{of.value:{',.0f' if abs(of.value) >= LARGE else '.4f'}}"
        numbers.append([name, value, ends, f"{_seeds(of.count)}{by}"])
    if (test := final.test) is not None:
        share = share_of(int((test.predicted == test.true).sum()), len(test.true))
        others = [one for one in tests_asked(job.study) if one.model != final.title]
        asked = f"{share.count} test images" + ("" if others else ", asked once")
        numbers.append(["test accuracy", f"{share.value:.4f}", _interval(share.low, share.high), asked])
        known = final.tested(value_names(job.source))
        shown = {name if is_own(name) else name.replace("_", " "): value for name, value in known.items()}
        numbers += [[f"test {name}", f"{value:.4f}", "", ""] for name, value in shown.items()]
    return numbers


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"{count} seeds"


def _interval(low: float, high: float) -> str:
    return f"{low:.4f} to {high:.4f}"


def _notes(job: Job, final: Final) -> list[str]:
    notes = [
        f"The test images judged {one.model} as well, on {one.when}: {one.accuracy:.4f}."
        for one in tests_asked(job.study)
        if one.model != final.title and one.accuracy is not None
    ]
    mean = final.choice.winner.mean()
    if mean.count < 2:
        return [*notes, "A single seed says nothing about how far the numbers spread."]
    if not mean.has_interval:
        return [
            *notes,
            f"Its {mean.count} seeds all came to the same value, which says nothing about how far others spread.",
        ]
    return [
        *notes,
        "The interval over seeds says how far trainings spread, judged by the same validation images; how far these "
        "are like others, the test images say.",
    ]


def _limits(job: Job, final: Final) -> list[str]:
    names = final.data.class_names
    limits = [
        f"An image that shows none of the {len(names)} classes is taken for one of them all the same, and can get a "
        "high confidence."
    ]
    part, split = _parts(final)[-1]
    rare = [name for name, count in zip(names, _counts(split, len(names)), strict=True) if count < FEW]
    if rare:
        which = "each class" if len(rare) == len(names) else ", ".join(rare[:LISTED])
        more = f" and {len(rare) - LISTED} more" if len(rare) > LISTED and len(rare) < len(names) else ""
        limits.append(
            f"There are fewer than {FEW} {part} images of {which}{more}: how often these are found is hardly known."
        )
    if final.test is None:
        limits.append("No images were set aside to test with: the configuration was chosen by those that judge it.")
    limits.append(
        "Its numbers hold for images from where these came from. Who or what they show and leave out, under which "
        "licence they are, and what must not be decided by it: the data does not say."
    )
    return limits


def _made(job: Job, final: Final) -> list[tuple[str, str]]:
    """Return what the model stands on: seeds, digests, versions, and the machine."""
    plan, config = final.plan, final.plan.config
    stood = plan.stood(final.data)
    found = {
        "date": time.strftime("%Y-%m-%d %H:%M", time.localtime(plan.file.stat().st_mtime)),
        "seed of the search, which splits the data": str(config.seed),
        "seed of this training": str(plan.seed) if plan.epochs else "those of its members",
        "weights": weights_digest(final.network),
        "device": stood["device"],
        "processor": f"{stood['processor']}, {stood['threads']} thread{'s' * (stood['threads'] != 1)}",
        "system": stood["platform"],
        "python": stood["python"],
        **stood["packages"],
    }
    if commit := stood["code"].get("commit"):
        found["code"] = f"commit {commit[:12]}" + (", and changes" if stood["code"]["changes"] else "")
    found |= {f"`{name}`": f"sha256 {digest}" for name, digest in stood["files"].items()}
    return list(found.items())
