"""The model that a finished study is for, from choice to record: trained, judged once, described, registered."""

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml
from hydra import compose, initialize_config_dir
from rich.console import Console

from convsweep.display import say
from convsweep.errors import UserError
from convsweep.intervals import share_of
from convsweep.space import as_override_value
from convsweep.study import value_names
from src import training
from src.config import Config, as_begun, register, settings
from src.config.objective import evaluated
from src.dataset import Dataset
from src.evaluation import Evaluation, both_ways, fit_temperature
from src.finalizing import Candidate, Choice, note_asked, tests_asked
from src.finalizing import ensemble as ensembles
from src.finalizing.description import describe
from src.finalizing.job import Final, Job
from src.finalizing.record import record
from src.finalizing.winner import ON, Plan, judge, keep, load_data, robustness, train, write
from src.fold import measure_of
from src.model.own_code import load_model
from src.model.own_kept import NotKept
from src.recording import read_member
from src.recording.trial_record import record_environment, record_weights
from src.tracking import TrialRun
from src.trial import keep as keep_model

ROOT = Path(__file__).parent.parent


def keep_final(job: Job, candidates: Sequence[Candidate], choices: Sequence[Choice], console: Console) -> None:
    """Make the model of each choice, and keep it; say what an ensemble would be worth.

    Raises:
        UserError: Members of the ensemble are gone.
    """
    configs = [_config_of(job, choice.winner) for choice in choices]
    single = len(value_names(job.study)) == 1
    found = ensembles.find(job.study, job.folder, configs[0].seed) if single else None
    searched = ensembles.find(job.source, job.place, configs[0].seed) if single else None
    if job.ensemble:
        choices, configs = choices[:1], configs[:1]
    told: dict[str, None] = {}
    for choice, config in zip(choices, configs, strict=True):
        training.prepare(config.training.precision, config.training.threads)
        data = load_data(config)
        for note in (note for note in data.notes if note not in told):
            say(console, f"dataset  {note}")
        told |= dict.fromkeys(data.notes)
        if job.ensemble:
            final = _ensemble(job, choice, config, data, found, console)
        else:
            final = _winner(job, choice, config, data, console)
        card = describe(job, final, candidates)
        write(final.plan.folder / "model_card.md", card)
        _lay_beside(final)
        log_model = partial(_log_model, final)
        record(job, final, card, log_model, console, only=len(choices) == 1)
        say(console, f"model    {os.path.relpath(final.plan.file)}")
        say(console, f"card     {os.path.relpath(final.plan.folder / 'model_card.md')}")
    if found is not None and not job.ensemble:
        say(console, f"ensemble {found.words}" + ("; --ensemble keeps it" if found.is_better else ""))
    if searched is not None:
        count = len(searched.trials)
        how = f" ({searched.names}); --top {count} --ensemble makes one of them trained again"
        say(console, f"search   its {count} best trials together: {searched.words}" + how * searched.is_better)


def _lay_beside(final: Final) -> None:
    """Write what must be known to ask the model's file about an image."""
    if final.data.preprocessing is not None:
        write(final.plan.folder / "preprocessing.json", json.dumps(final.data.preprocessing.as_dict(), indent=2))
    if (judged := final.validation) is not None:
        temperature = fit_temperature(judged.probabilities, judged.true)
        write(final.plan.folder / "calibration.json", json.dumps({"temperature": temperature}))


def _config_of(job: Job, candidate: Candidate) -> Config:
    """Return the config of the trials that trained a candidate, as it was composed for them.

    Raises:
        UserError: None of their folders says it any more.
    """
    for number in candidate.repeats:
        file = job.folder / f"trial-{number:04d}" / ".hydra" / "overrides.yaml"
        try:
            overrides = yaml.safe_load(file.read_text(encoding="utf-8"))
        except OSError:
            continue
        if job.config_folder:
            overrides.append(f"hydra.searchpath=[pkg://sweeps,{as_override_value(f'file://{job.config_folder}')}]")
        register()
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            composed = settings(compose("config", overrides, return_hydra_config=True))
        return as_begun(composed, job.study.user_attrs)
    raise UserError(
        f"{job.folder}/trial-{candidate.repeats[0]:04d}/.hydra must say how trial {candidate.number} is trained, and "
        f"is gone; remove {job.folder} to train the best again"
    )


def _log_model(final: Final, written: TrialRun) -> None:
    """Log the model, and what it stands on where `src.reproduce` can train it again from that."""
    plan = final.plan
    if plan.epochs:  # no ensemble
        record_environment(plan.config, written, final.data, plan.stood(final.data))
        record_weights(written, final.network)
    keep_model(plan.config, written, final.network, final.data, final.validation, plan.folder)


def _winner(job: Job, choice: Choice, config: Config, data: Dataset, console: Console) -> Final:
    number, candidate = choice.winner.number, choice.winner
    epochs = max(1, round(candidate.costs.get("best_epoch", config.training.epochs)))
    seed = crc32(f"{job.study.study_name} {number}".encode())
    folder = job.folder / f"final-{number:04d}-{'train' if job.on == ON[0] else 'all'}"
    plan = Plan(config, job.on, epochs, seed, folder)
    if not plan.is_trained:
        many = f"{epochs} epochs" if epochs > 1 else "1 epoch"
        how = "" if job.on == ON[0] else f" for {many}, the mean of its best ones"
        say(console, f"train    trial {number} on {job.on}{how}")
        try:
            train(plan, data, partial(measure_of, config))
        except training.Diverged as error:
            raise UserError(f"the training of trial {number} on {job.on} diverged: {error}") from error
        except NotKept as error:
            raise UserError(f"the model of trial {number} cannot be kept: {error}") from error
        plan.stood(data)
    network: Any = load_model(plan.file)
    network = both_ways(network) if config.evaluation.tta else network  # which one of before does not do by itself
    clean = job.on == ON[0]
    validation = judge(plan, network, data.validation, "validation") if clean else _validated(job, candidate)
    what = f"Trial {number} of the study {job.source.study_name}, trained again on {job.on}"
    return _judged(job, Final(choice, plan, data, network, validation, None, {}, what), clean, console)


def _validated(job: Job, candidate: Candidate) -> Evaluation | None:
    """Return what a model of the same configuration says of the validation images, that was not trained on them."""
    members = (read_member(job.folder / f"trial-{number:04d}") for number in candidate.repeats)
    member = next(filter(None, members), None)
    return Evaluation(member.probabilities, member.true) if member is not None else None


def _ensemble(
    job: Job, choice: Choice, config: Config, data: Dataset, found: "ensembles.Found | None", console: Console
) -> Final:
    """Make one model of the ensemble's members.

    Raises:
        UserError: There are no members, or their models are gone.
    """
    if found is None:
        raise UserError(
            "--ensemble needs the models of two trials or more with images of one size, a single objective, and enough "
            "validation images to select and to judge by; type it with --top 2 or more, or without it"
        )
    if found.missing:
        there = ", ".join(f"trial-{number:04d}/model.keras" for number in found.missing)
        raise UserError(f"--ensemble needs {there} in {job.folder}, gone; remove {job.folder} to train them again")
    say(console, f"ensemble {found.words}")
    plan = Plan(config, job.on, 0, 0, job.folder / "ensemble")
    network = ensembles.build(found, config.evaluation.tta)
    weights = {found.trials[i]: count for i, count in found.ensemble.counts.items()}
    members = ", ".join(f"trial {number} (x{count})" for number, count in weights.items())
    try:
        keep(plan, network, {"parameters": network.count_params(), "history": []}, ensembles.code_of(found))
    except NotKept as error:
        raise UserError(f"the ensemble cannot be kept: {error}") from error
    write(plan.folder / "members.json", json.dumps(weights, indent=2))
    validation = Evaluation(ensembles.answers_of(found), found.members[0].true)
    what = f"An ensemble, the weighted mean of the probabilities of {members} of the study {job.study.study_name}"
    return _judged(job, Final(choice, plan, data, network, validation, None, {}, what), True, console)


def _judged(job: Job, final: Final, clean: bool, console: Console) -> Final:
    """Ask the test images, if nobody has about this model, and say what they said; measure the robustness.

    `clean`: Whether the model has not been trained on the validation images.
    """
    plan, data, test = final.plan, final.data, None
    if data.test is not None:
        known = [one for one in tests_asked(job.study) if one.accuracy is not None]
        before = next((one for one in known if one.model == final.title), None)
        others = [one for one in known if one.model != final.title]
        anew = not (plan.folder / "test.npz").exists()
        if anew:
            note_asked(job.study, final.title)
        test = judge(plan, final.network, data.test, "test")
        if anew or before is None:
            note_asked(job.study, final.title, test.accuracy, len(test.true))
        when = f", asked on {before.when} and not again" if before else ""
        if before and anew:
            when = f", asked on {before.when} and now again: what they said then is gone"
        share = share_of(int((test.predicted == test.true).sum()), len(test.true))
        wanted = [name for name in map(evaluated, value_names(job.source)) if name is not None]
        more = "".join(f"; {name} {test.number(name, data.class_names):.4f}" for name in wanted)
        say(console, f"test     accuracy {share.value:.4f} on {share.count} images, 95% interval {share.low:.4f} to "
                     f"{share.high:.4f}{more}{when}")  # fmt: skip
        for one in others:
            say(console, f"note     the test images judged {one.model} on {one.when} already ({one.accuracy:.4f}): who "
                         "chooses by them has none left to test with")  # fmt: skip
    else:
        say(console, f"test     {data.name} has no test images; the means above are all that is known. A search with "
                     "dataset.test_fraction=0.2 sets some aside, which no trial is trained on")  # fmt: skip
    split = data.validation if clean else data.test
    robust = robustness(plan, final.network, split) if split is not None else {}
    return Final(final.choice, plan, data, final.network, final.validation, test, robust, final.what)
