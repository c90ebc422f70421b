"""README, docs and the first lines of configs: every command can be typed, every link leads somewhere."""

import dataclasses
import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np
import pytest

from convsweep.config import ConvsweepConf
from src.config.objective import METRICS
from tests.helpers.command import ROOT, run_inside
from tests.helpers.dataset_files import cifar10_batches, write_images, write_tar

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks/README.md"]
CONFIGS = [path for folder in ("conf", "sweeps") for path in sorted((ROOT / folder).rglob("*.yaml"))]
PROSE = ("convsweep", "python -m src.sweep", "python -m src.status", "python -m src.simulate", "python -m src.proxy",
         "python -m src.report", "python -m src.compare")  # fmt: skip


def commands(path: Path, start: str) -> Iterator[str]:
    """Yield the commands of a file that begin with some words: indented or commented lines, and those in backquotes."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    text = re.sub(r"^#", " ", text, flags=re.MULTILINE) if path.suffix == ".yaml" else text
    for line in text.splitlines():
        for piece in [line] if re.match(r"\s{3,}", line) else re.findall(r"`([^`]*)`", line):
            if piece.strip().startswith(start):
                yield re.sub(r"\s+#? ?\s{3,}.*", "", re.sub(r"\s{2,}#.*", "", piece.strip()))


def typed(paths: list[Path]) -> list[str]:
    """Return the sweep commands of some files, but for those with a placeholder."""
    found = {command for path in paths for command in commands(path, "python -m src.sweep")}
    one_name = {command for path in paths for command in commands(path, "convsweep sweep")}
    found |= {command.replace("convsweep sweep", "python -m src.sweep", 1) for command in one_name}
    return sorted(command for command in found if "..." not in command and "my_package" not in command)


def write_own_data(folder: Path) -> None:
    """Write what the pages take for a user's own: a folder of images, a table, arrays, an archive."""
    for name in ("rose", "tulip"):
        for place in ("flowers", "photographs", "things"):
            write_images(folder / place / name, 6)
    rows = "\n".join(f"flowers/{name}/{i:03}.png,{name}" for name in ("rose", "tulip") for i in range(3))
    for table in ("labels.csv", "hub/train.csv"):
        (folder / table).parent.mkdir(exist_ok=True)
        (folder / table).write_text(f"image,label\n{rows}\n")
    (folder / "flowers").rename(folder / "hub" / "flowers")
    (folder / "flowers").symlink_to(folder / "hub" / "flowers")
    np.savez(folder / "flowers.npz", x=np.zeros((8, 9, 9), np.uint8), y=np.arange(8) % 2)
    (folder / "Downloads").mkdir()
    write_tar(folder / "Downloads" / "cifar-10-python.tar.gz", cifar10_batches(), "cifar-10-batches-py")


def prepare(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Type a command, up to where a study or a training would begin; return what is wrong with it."""
    for page in PAGES:  # modules that a page shows, by their first line
        for module, text in re.findall(
            r"^```python\n# (\w+\.py)\b(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
        ):
            (folder / module).write_text(f"#{text}")
    write_own_data(folder)
    arguments = shlex.split(command.replace("$HOME", str(folder)), comments=True)
    ready = ModuleType("src.trial")
    ready.run = lambda _: 0.0  # pyright: ignore
    ready.ModelError = RuntimeError  # pyright: ignore
    driver = mock.Mock(**{"return_value.run.return_value": 0})
    monkeypatch.setitem(sys.modules, "src.trial", ready)
    monkeypatch.setattr("src.dataset.load", lambda *_, **__: None)
    with mock.patch("convsweep.driver.Driver", driver):
        done = run_inside(arguments[1:], folder)
    understood = done.returncode == 0 or ("$HOME" in command and str(folder) in done.stderr)  # the copy is empty
    return "" if understood else done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", typed([*PAGES, *CONFIGS]))
def test_a_documented_command_is_taken(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "launcher=ray" in command and importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    assert prepare(command, tmp_path, monkeypatch) == ""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_documented_command_needs_no_quotes_that_it_has_not(path: Path) -> None:
    """Brackets and other patterns are the shell's, zsh's above all, where they stand outside quotes."""
    for start in PROSE:
        for command in commands(path, start):
            bare = re.sub(r"'[^']*'|\"[^\"]*\"|\[(--[a-z]|[a-z]+\])[^ ]*", "", command)
            assert not re.search(r"[\[\](){}*]", bare), command


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_what_a_page_names_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", text)):
        if target.startswith("http"):
            continue
        found = path.parent / target if target else path
        assert found.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}, anchor
    for named in re.findall(r"`((?:src|convsweep|conf|sweeps|tests|examples)/[\w/.-]+)`", text):
        assert (ROOT / named).exists(), named
    for module in re.findall(r"python -m ((?:src|benchmarks)\.\w+)", text):
        assert importlib.util.find_spec(module), module
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"`make ([\w-]+)`|^    make ([\w-]+)", text, re.MULTILINE):
        assert "".join(target) in targets, target


def test_the_readme_leads_to_the_index() -> None:
    assert "(docs/index.md)" in (ROOT / "README.md").read_text()


def test_the_readme_says_how_to_activate_the_environment() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.index(". .venv/bin/activate") < text.index("convsweep sweep")


def keys(folder: str) -> set[str]:
    """Return the names that the option files of a config group set, or that its schema has."""
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "conf" / folder).glob("*.yaml")]
    return {key for text in files for key in re.findall(r"^([a-z]\w*):", text, re.MULTILINE)} - {"defaults", "name"}


def options(*folders: Path) -> set[str]:
    """Return the names of the option files in some folders."""
    return {path.stem for folder in folders for path in folder.glob("*.yaml")}


CONF, PLUGIN = ROOT / "conf", ROOT / "hydra_plugins/hydra_convsweep/conf/hydra/sweeper"
SWEEPER = {field.name for field in dataclasses.fields(ConvsweepConf)} - {"defaults", "_target_", "_recursive_"}


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("sweeper.md", SWEEPER),
        ("sweeper.md", options(PLUGIN / "sampler", PLUGIN / "pruner", PLUGIN / "scheduler")),
        ("training.md", {name.partition("[")[0] for name in METRICS}),
        ("training.md", keys("training") | keys("schedule") | options(CONF / "schedule")),
        ("augmentation.md", keys("augmentation") | options(CONF / "augmentation")),
        ("datasets.md", keys("dataset") | options(CONF / "dataset")),
        ("models.md", options(CONF / "model")),
        ("cluster.md", options(CONF / "launcher", CONF / "storage")),
    ],
)
def test_what_can_be_set_is_on_its_page(page: str, names: set[str]) -> None:
    words = set(re.findall(r"\w+", (ROOT / "docs" / page).read_text(encoding="utf-8")))
    assert sorted(name for name in names if name not in words and not name.startswith("base_")) == []
