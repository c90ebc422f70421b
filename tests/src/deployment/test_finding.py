"""What a user types, and the model that it means."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import pytest

from src.deployment import ModelNotFound, find_model, find_run, finding
from src.tracking import Version
from src.tracking.store import PARENT_RUN
from tests.helpers.command import toy
from tests.helpers.kept import CLASSES, Shelf, write_model


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """A store with the studies fit (trials 0 to 2, of which 1 was the best for a while), a/b, and a single run."""
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    shelf.add("fit", None, kept=False)
    shelf.add("fit", 0, kept=False, objective=0.5)
    shelf.add("fit", 1, objective=0.7)
    shelf.add("fit", 2, objective=0.9)
    shelf.add("a/b", 12, objective=0.1)
    single = shelf.add(None, None)
    shelf.add("empty", None, kept=False)
    kept = shelf.runs("fit")[0]
    source = str(shelf.models[kept.model_id or ""])
    shelf.registered = [
        Version("digits", "2", source, kept.run_id),
        Version("digits", "1", source, single.run_id, ("champion", "old")),
    ]
    return shelf


@pytest.fixture(autouse=True)
def here(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "look_up", lambda uri: shelf)
    monkeypatch.chdir(tmp_path)


def found(name: str) -> tuple[str, int | None]:
    model = find_model(name)
    assert model.file.exists()
    assert model.class_names == CLASSES
    return model.name, model.trial


@pytest.mark.parametrize(
    "name", ["fit", "multirun/fit", "multirun/fit/", "fit/2", "fit/trial-0002", "multirun/fit/trial-0002"]
)
def test_a_study_is_its_best_trial_and_a_trial_is_found_by_its_number(name: str) -> None:
    assert found(name) == ("trial 2 of study fit", 2)


def test_a_version_that_is_named_as_a_trial_is_told_of(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default a model is registered under the name of its study."""
    same = [replace(version, name="fit", version="0") for version in shelf.registered[:1]]
    monkeypatch.setattr(shelf, "registered", same)
    with pytest.raises(ModelNotFound, match="type fit/2; the registered model fit, version 0, is models:/fit/0"):
        find_model("fit/0")
    assert found("models:/fit/0")[0] == "fit, version 0"


def test_a_study_with_a_slash_in_its_name(shelf: Shelf) -> None:
    assert found("a/b") == found("a/b/12") == ("trial 12 of study a/b", 12)


def test_where_less_is_better_the_least_is_the_best(shelf: Shelf) -> None:
    for run in shelf.runs("fit"):
        Path(run.artifacts, "config.yaml").write_text("objective: [val_loss, parameters]")
    assert found("fit") == ("trial 1 of study fit", 1)
    for run in shelf.runs("fit"):
        Path(run.artifacts, "config.yaml").unlink()


def test_runs_and_registered_models(shelf: Shelf) -> None:
    study, single = shelf.runs("fit")[-1], next(run for run in shelf.known if run.study is None)
    assert found(study.run_id) == ("trial 2 of study fit", 2)
    assert found(single.run_id) == (f"run {single.run_id}", None)
    for name in ("champion", "digits", "digits@champion", "digits@old", "digits/1", "models:/digits@champion"):
        assert found(name) == ("digits, version 1, champion, old", None)
    assert found("models:/digits/2") == ("digits, version 2", 2)
    assert find_model(f"models:/{single.model_id}").file.exists()
    assert find_run("champion")[0] == single
    assert find_run("fit")[0].trial == find_run(study.run_id)[0].trial == 2
    assert find_run("fit/0")[0].trial == 0


def test_a_study_without_a_kept_model_can_be_reproduced(shelf: Shelf) -> None:
    first = shelf.add("bare", 0, kept=False, objective=0.9)
    shelf.add("bare", 1, kept=False, objective=0.5)
    assert find_run("bare")[0] == first
    with pytest.raises(ModelNotFound, match="study bare has no kept model"):
        find_model("bare")
    shelf.known = [run for run in shelf.known if run.study != "bare"]


def test_a_run_by_its_name(shelf: Shelf) -> None:
    kept = list(shelf.known)
    single = next(run for run in kept if run.study is None)
    named = replace(single, tags=dict(single.tags) | {"mlflow.runName": "digits-cnn"})
    shelf.known = [named if run == single else run for run in kept]
    assert found("digits-cnn") == (f"run {single.run_id}", None)
    shelf.known = kept


def test_the_latest_study_of_a_name_counts(shelf: Shelf) -> None:
    kept = list(shelf.known)
    old = [replace(run, tags=dict(run.tags) | {PARENT_RUN: "1"}) for run in kept]
    shelf.known = old
    new = shelf.add("fit", 7, objective=0.6)
    shelf.known[0] = replace(new, tags=dict(new.tags) | {PARENT_RUN: "2"})
    assert found("fit") == ("trial 7 of study fit", 7)
    shelf.known = kept


def test_a_study_of_repeats_is_what_was_made_of_them(shelf: Shelf) -> None:
    kept, registered = list(shelf.known), list(shelf.registered)
    before = shelf.add("fit-final", None, kept=False)
    shelf.add_final("fit", "final-0001-train", before)
    again = shelf.add("fit-final", None, kept=False)  # its folder was removed, and it was made once more
    shelf.add("fit-final", 0, kept=False, objective=0.9)
    assert find_run("fit-final")[0].trial == 0, "no model is made of them yet"
    with pytest.raises(ModelNotFound, match="study fit-final has no kept model"):
        find_model("fit-final")
    first = shelf.add_final("fit", "final-0002-train", again)
    second = shelf.add_final("fit", "ensemble", again)
    for name in ("fit-final", "multirun/fit-final", again.run_id, "fit-final/ensemble", "fit/ensemble"):
        assert found(name) == ("ensemble of study fit", None), name
        assert find_run(name)[0] == second
    assert found("fit-final/final-0002-train") == ("final-0002-train of study fit", None)
    shelf.registered.append(Version("fit", "1", shelf.models[first.model_id or ""], first.run_id, ("champion",)))
    assert found("fit-final") == ("final-0002-train of study fit", None), "it is the champion"
    assert found("fit") == ("trial 2 of study fit", 2)
    with pytest.raises(ModelNotFound, match=r"trial 0 of study fit-final has no kept model: .*; type fit-final$"):
        find_model("fit-final/0")
    del shelf.models[first.model_id or ""]
    with pytest.raises(ModelNotFound, match=r"python -m src\.finalize fit, typed once more, records it again"):
        find_model("fit-final/final-0002-train")
    shelf.known, shelf.registered = kept, registered


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fitt", r"is called fitt; there are studies: empty, a/b, fit; registered models: digits; did you mean fit\?$"),
        ("fitt/2", r"did you mean fit/2\?$"),
        ("digit", r"did you mean digits\?$"),
        ("fit/0", r"trial 0 of study fit has no kept model: a study keeps that of its best trial; type fit/2$"),
        ("fit/9", "study fit has no trial 9; its trials are 0 to 2$"),
        ("empty", "study empty has no kept model"),
        ("f" * 32, "there is no run f{32} at "),
        ("x.keras", "there is no file x.keras$"),
        ("models:/digits/3", "is called digits/3; "),
    ],
)
def test_what_is_not_there_is_told_with_what_is(name: str, message: str) -> None:
    with pytest.raises(ModelNotFound, match=message):
        find_model(name)


def test_deleted_files_are_told_with_what_brings_them_back(shelf: Shelf) -> None:
    run = shelf.add("gone", 0)
    shutil.rmtree(shelf.models[run.model_id or ""])
    with pytest.raises(ModelNotFound, match=r"the model of trial 0 of study gone cannot be had: .* is not there; "):
        find_model("gone")
    del shelf.models[run.model_id or ""]
    with pytest.raises(ModelNotFound, match=f"has been deleted; python -m src.reproduce {run.run_id} trains it again"):
        find_model("gone/0")
    shelf.known.remove(run)


def test_a_model_that_was_kept_before_its_preprocessing_was_beside_it(shelf: Shelf) -> None:
    run = shelf.add("old", 0)
    folder = Path(shelf.models[run.model_id or ""])
    with_temperature = find_model("old")
    assert with_temperature.temperature == 1
    (folder / "preprocessing.json").rename(Path(run.artifacts, "preprocessing.json"))
    assert found("old") == ("trial 0 of study old", 0)
    Path(run.artifacts, "preprocessing.json").write_text("{}")
    with pytest.raises(ModelNotFound, match=r"preprocessing\.json cannot be read as the preprocessing"):
        find_model("old")
    shelf.known.remove(run)


def test_what_keras_could_not_save_is_told_as_such(shelf: Shelf) -> None:
    runs = [shelf.add("unsaved", number, kept=False, objective=value) for number, value in ((0, 0.5), (1, 0.6))]
    for run, layer in zip(runs, ("Other", "Scale"), strict=True):
        Path(run.artifacts, "config.yaml").write_text("objective: val_accuracy")
        Path(run.artifacts, "model_not_kept.txt").write_text(f"{layer} lacks get_config\n")
    said = "could not be kept: Scale lacks get_config$"
    with pytest.raises(ModelNotFound, match=f"^study unsaved has no kept model: that of trial 1 {said}"):
        find_model("unsaved")
    with pytest.raises(ModelNotFound, match=f"^trial 1 of study unsaved has no kept model: it {said}"):
        find_model("unsaved/1")
    for run in runs:
        shelf.known.remove(run)


def test_the_code_beside_a_model_is_needed(tmp_path: Path) -> None:
    file = write_model(tmp_path / "model")
    model = find_model(str(file))
    _save_as(file, keras.__version__)
    with pytest.raises(ModelNotFound, match=r"layers of one's own is not beside it \(custom_objects.json\)"):
        model.load()
    (tmp_path / "model/custom_objects.json").write_text('{"modules": ["absent_of_mine"], "files": [], "packages": []}')
    with pytest.raises(ModelNotFound, match=r"cannot be read with the code that was kept beside it: No module named"):
        model.load()


def test_files_and_folders(tmp_path: Path) -> None:
    file = write_model(tmp_path / "model", temperature=2.0)
    for name in (str(file), str(file.parent.parent)):
        model = find_model(name)
        assert (model.file, model.temperature, model.class_names) == (file, 2.0, CLASSES)
    other = tmp_path / "alone" / "x.keras"
    other.parent.mkdir()
    shutil.copy(file, other)
    with pytest.raises(ModelNotFound, match=r"alone/preprocessing\.json is not there: without it nobody knows"):
        find_model(str(other))
    (tmp_path / "x.h5").write_bytes(b"")
    with pytest.raises(ModelNotFound, match=r"must be a model, a \.keras file, got a file \.h5"):
        find_model("x.h5")


def test_a_file_that_keras_cannot_read_is_a_line(tmp_path: Path) -> None:
    file = write_model(tmp_path / "model")
    model = find_model(str(file))
    whole = file.read_bytes()
    file.write_bytes(b"text")
    with pytest.raises(ModelNotFound, match=r"is no model that Keras has saved, or is damaged$"):
        model.load()
    file.write_bytes(whole)
    _save_as(file, "2.9.1")
    with pytest.raises(
        ModelNotFound, match=r"was saved by Keras 2\.9\.1 and cannot be read by the installed .*; install"
    ):
        model.load()
    wrong = replace(model, preprocessing=replace(model.preprocessing, class_names=("a", "b")))
    file.write_bytes(whole)
    with pytest.raises(ModelNotFound, match=r"the two do not belong together$"):
        wrong.load()


def _save_as(file: Path, version: str) -> None:
    """Make a file of another version's: other metadata, and a layer that this one does not know."""
    from zipfile import ZipFile

    with ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["metadata.json"] = json.dumps({"keras_version": version}).encode()
    parts["config.json"] = parts["config.json"].replace(b"GlobalAveragePooling2D", b"NoSuchLayerAnyMore")
    with ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_study_that_mlflow_does_not_know_says_how_it_stands(tmp_path: Path) -> None:
    assert toy(tmp_path, "x=1,2", "hydra.sweeper.study_name=mine").returncode == 0
    with pytest.raises(ModelNotFound, match=r"study mine has 2 finished trials, but its models are recorded elsewhere"):
        find_model("mine")
