"""Images that a model was trained on are told from new ones."""

from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from src.deployment import find_model
from src.deployment.gathering import gather
from src.deployment.seen import seen_before
from tests.helpers.kept import CLASSES, Shelf, write_picture


@pytest.mark.parametrize(
    ("trained", "named", "said"),
    [
        ("own", ["own"], "the images are of the folder that the model was trained on and chosen by"),
        ("own", ["own/dark", "new"], "1 of 3 images are of the folder"),
        ("own", ["new"], None),
        ("parts", ["parts/train"], "the images are of the folder"),
        ("parts", ["parts/test"], None),
        ("absent", ["own"], None),
    ],
)
def test_those_of_its_own_folder(
    trained: str, named: list[str], said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _said(trained, named, "", tmp_path, monkeypatch)
    assert found is None if said is None else found is not None and found.startswith(said)


def test_those_that_it_is_tested_by_lie_beside_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _said("own", ["own"], "  test_fraction: 0.2\n", tmp_path, monkeypatch)
    assert found is not None
    assert "trained on and chosen by, but for the test images (dataset.test_fraction=0.2): " in found


def _said(trained: str, named: list[str], more: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str | None:
    for folder in ("own", "new", "parts/train", "parts/test"):
        for name in CLASSES[:2]:
            write_picture(tmp_path / folder / name / "1.png", 5)
    monkeypatch.chdir(tmp_path)
    shelf = Shelf(tmp_path / "store")
    run = shelf.add("fit", 0)
    config = f"dataset:\n  name: image_folder\n  path: {tmp_path / trained}\n  image_size: 4\n{more}"
    Path(run.artifacts, "config.yaml").write_text(config)
    with mock.patch("src.deployment.finding.look_up", lambda _: shelf):
        model = find_model("fit")
    with mock.patch("src.deployment.seen.look_up", lambda _: shelf):
        found = seen_before(model, gather(named, CLASSES).pictures)
        assert seen_before(replace(model, run_id=None), gather(named, CLASSES).pictures) is None
    return found
