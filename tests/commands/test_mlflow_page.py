"""MLflow's page as a user sees it after a sweep: trials, charts, the study, a trial, its pictures, its model."""

import os
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.browser import Browser, browser
from tests.helpers.command import run_inside, start
from tests.helpers.mlflow import free_port

SWEEP = [
    "-m", "src.sweep", "-m", "model=mlp", "model.dense_units=8,16", "optimizer.learning_rate=1e-05,2e-05",
    "dataset.limit=200", "training.epochs=3", "hydra/launcher=basic", "hydra.sweeper.study_name=seen",
]  # fmt: skip


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[Browser, str]]:
    """Sweep, serve the page, and open the link that was printed; return the browser and that link."""
    done = run_inside(SWEEP, tmp_path)
    assert done.returncode == 0, done.stderr
    port = free_port()
    server = start(["-m", "src.ui", "--port", str(port)], tmp_path)
    printed = next(line for line in done.stdout.splitlines() if line.startswith("review"))
    link = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", shlex.split(printed)[-1])
    try:
        with browser() as window:
            window.wait(lambda: _opens(window, link), 90)
            yield window, link
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.communicate()


def _opens(window: Browser, link: str) -> bool:
    try:
        window.open(link)
    except OSError:  # nobody serves it yet
        return False
    return True


def _follow(window: Browser, text: str) -> None:
    """Go where a link with this text leads."""
    code = "return [...document.links].filter(a => a.innerText.trim() === arguments[0]).map(a => a.href)[0]"
    window.open(window.wait(lambda: window.run(code, text)))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_trials_charts_study_pictures_and_model_are_seen(page: tuple[Browser, str]) -> None:
    window, link = page
    window.wait_for("trial-0000", "trial-0001", "model.dense_units", "objective")
    window.open(f"{link}&compareRunsMode=CHART")
    window.wait_for("train/accuracy vs val/accuracy", "train/loss vs val/loss", "Parallel Coordinates")
    window.open(link)
    _follow(window, "trial-0000")
    window.wait_for("Trial 0 of the study", "model.dense_units")
    trial = window.run("return location.href").partition("?")[0]
    window.open(f"{trial}/model-metrics")
    window.wait_for("train (3)", "val (2)")
    text = window.text
    assert text.index("train (3)") < text.index("val (2)"), "curves before the bars of what is known once"
    window.open(f"{trial}/artifacts/confusion_matrix.png")
    window.wait(lambda: window.run("return [...document.images].some(i => i.naturalWidth > 300)"))
    window.open(trial)
    _follow(window, "seen")
    window.wait_for("val_accuracy", "all trials", "4 COMPLETE", "too few to tell")
    assert not window.run("return !!document.querySelector('[data-testid=show-comment-toggle]')"), "it is not folded"
    window.open(link.replace("/runs?", "/models?"))
    window.wait_for("seen-trial-000")
