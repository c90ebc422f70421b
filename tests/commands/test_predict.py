"""A kept model is asked about images: `python -m src.predict`."""

import csv
import io
import json
import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from src.dataset import read_image
from tests.helpers.command import run_inside
from tests.helpers.kept import HOW, write_model, write_picture


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"), temperature=2.0)


def predict(folder: Path, *arguments: str | Path, columns: int = 80) -> "CompletedProcess[str]":
    return run_inside(["-m", "src.predict", *map(str, arguments)], folder, columns)


def test_a_table_of_the_likeliest_classes(model: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "night.png", 10)
    write_picture(tmp_path / "between.png", 128, (30, 20))
    write_picture(tmp_path / f"{'long' * 30}.png", 250)
    done = predict(tmp_path, model, ".", "night.png")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("model ")
    rows = {line.split()[0]: line for line in lines}
    assert rows["night.png"].split()[1:3] == ["dark", "0.85"]
    assert "not sure  0.34  light 0.34, grey 0.33" in rows["between.png"]
    assert any("long.png  light" in line for line in lines)
    assert lines[-1] == "4 images, 1 not sure (less than 0.5)"


def test_what_programs_read_is_what_the_network_says(model: Path, tmp_path: Path) -> None:
    files = [write_picture(tmp_path / f"{value}.png", value, (9, 5)) for value in (0, 90, 200)]
    done = predict(tmp_path, model, *files, "--json", "--limit", "0.6")
    assert (done.returncode, done.stderr) == (0, "")
    known = json.loads(done.stdout)
    network: Any = keras.saving.load_model(model)
    images = np.stack([read_image(file, HOW) for file in files])
    expected = np.asarray(network(images))
    got = [[*row["probabilities"].values()] for row in known["predictions"]]
    np.testing.assert_array_equal(np.array(got, np.float32), expected)
    for row, given in zip(known["predictions"], expected, strict=True):
        cooled = np.sqrt(given) / np.sqrt(given).sum()  # a temperature of 2
        assert row["confidence"] == pytest.approx(cooled.max(), rel=1e-5)
        assert row["class"] == HOW.class_names[given.argmax()]
        assert row["sure"] == (row["confidence"] >= 0.6)
    assert known["unreadable"] == []
    table = list(csv.DictReader(io.StringIO(predict(tmp_path, model, *files, "--csv").stdout)))
    assert [row["class"] for row in table] == [row["class"] for row in known["predictions"]]
    assert [float(row["light"]) for row in table] == pytest.approx(
        [row["confidences"]["light"] for row in known["predictions"]], abs=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "is_json"),
    [
        (["a.csv"], False),
        (["a.txt"], False),
        (["a.json"], True),
        (["a.txt", "--json"], True),
        (["a.json", "--csv"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_file_gets_what_programs_read_beside_the_table(
    model: Path, tmp_path: Path, arguments: list[str], is_json: bool
) -> None:
    write_picture(tmp_path / "night.png", 10)
    done = predict(tmp_path, model, "night.png", "--out", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("model ")
    assert done.stdout.endswith(f"1 image\nfile     {arguments[0]}\n")
    printed = predict(tmp_path, model, "night.png", "--json" if is_json else "--csv").stdout
    assert (tmp_path / arguments[0]).read_text() == printed


@pytest.mark.parametrize(
    ("file", "why"), [("folder", "it is a folder"), ("nowhere/a.csv", "there is no folder nowhere")]
)
def test_a_file_that_cannot_be_written_is_told_before_the_model_is_asked(
    model: Path, tmp_path: Path, file: str, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    done = predict(tmp_path, "no model", "night.png", "--out", file)
    assert done.returncode == 1
    assert done.stderr == f"error: --out must be a file that can be written, got {file}: {why}\n"


def test_a_folder_with_a_sub_folder_a_class_is_evaluated(model: Path, tmp_path: Path) -> None:
    for name, value in (("dark/1", 5), ("dark/2", 240), ("light/1", 250), ("light/2", 230), ("else/1", 0)):
        write_picture(tmp_path / "seen" / f"{name}.png", value)
    done = predict(tmp_path, model, "seen")
    assert done.returncode == 0, done.stderr
    assert "accuracy 0.7500, 3 of 4; macro F1 0.7333" in done.stdout
    assert 'confused 1 of 2 "dark" was taken for "light" (50.0%)' in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "note: 1 image in seen outside of the classes' folders" in done.stderr
    judged = json.loads(predict(tmp_path, model, "seen", "--json").stdout)["evaluation"]
    assert judged["confusion_matrix"] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert (judged["accuracy"], judged["images"]) == (0.75, 4)


def test_unreadable_images_are_a_line_each_and_the_others_are_predicted(model: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "in/good.png", 0)
    (tmp_path / "in/bad.png").write_bytes(b"text")
    (tmp_path / "in/notes.txt").write_bytes(b"text")
    cut = write_picture(tmp_path / "cut.png", 0, (50, 50))
    cut.write_bytes(cut.read_bytes()[:-40])
    done = predict(tmp_path, model, "in", "none.jpg", "cut.png", "--json")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert len(errors) == 3
    assert "error: none.jpg cannot be read: No such file or directory" in errors
    assert "error: in/bad.png cannot be read: no image of a known format" in errors
    assert any(line.startswith("error: cut.png cannot be read: ") for line in errors)
    assert "note: 1 file named like no image left out" in done.stderr
    known = json.loads(done.stdout)
    assert [row["file"] for row in known["predictions"]] == ["in/good.png"]
    assert {row["file"] for row in known["unreadable"]} == {"in/bad.png", "none.jpg", "cut.png"}
    none = predict(tmp_path, model, "in/bad.png")
    assert (none.returncode, none.stdout.splitlines()[-1]) == (1, "0 images")
    assert predict(tmp_path, model, "none.jpg").returncode == 1
    assert predict(tmp_path, model, "in/good.png", "in/notes.txt").returncode == 1, "it was named"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.keras", "x.png"], "error: there is no file nothing.keras"),
        (["study", "x.png"], "mlflow.db is not there: nothing is recorded here yet"),
        (["MODEL", "empty"], "error: there is no image to look at"),
        (["MODEL", "x.png", "--limit", "2"], "--limit: must be a number from 0 to 1, got 2"),
        (["MODEL", "x.png", "--limit", "much"], "--limit: must be a number from 0 to 1, got much"),
    ],
)
def test_a_mistake_is_a_line(
    arguments: list[str], message: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "empty").mkdir()
    done = predict(tmp_path, *[str(model) if argument == "MODEL" else argument for argument in arguments])
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["empty"], "nothing is made"


def test_a_picture_an_image_shows_what_its_answer_hangs_on(model: Path, tmp_path: Path) -> None:
    for folder in ("one", "other"):  # files of one name
        (tmp_path / folder).mkdir()
        write_picture(tmp_path / folder / "night.png", 10)
    odd = tmp_path / os.fsdecode(b"\xff$x$.png")  # a name that is no text
    write_picture(tmp_path / "odd.png", 200).rename(odd)
    done = predict(tmp_path, model, "one", "other", odd, "--explain", "a/heat", "--csv")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 4)
    assert done.stderr == "pictures a/heat: 3, with the parts in red that the answer hangs on\n"
    drawn = {file.name for file in (tmp_path / "a/heat").iterdir()}
    assert drawn == {"night_explained.png", "night_2_explained.png", f"{odd.stem}_explained.png"}
    with Image.open(tmp_path / "a/heat/night_explained.png") as picture:
        assert min(picture.size) > 200
    (tmp_path / "taken").write_text("")
    refused = predict(tmp_path, "no model", "one", "--explain", "taken")
    assert refused.stderr == "error: --explain must be a folder, got taken: it is a file\n"
