"""An app's log reaches the terminal: through the driver, a line of a trial's, as the job's logging has it."""

import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from convsweep.workers import app_log
from convsweep.workers.app_log import AppLog, send_log
from tests.helpers.command import ROOT, run, run_inside

APP = f"""
import logging, sys
sys.path.insert(0, {str(ROOT)!r})
import hydra
log = logging.getLogger(__name__)

@hydra.main(version_base="1.3", config_path=None)
def main(cfg):
    log.info("x is %s", cfg.x)
    log.debug("deep")
    return cfg.x

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """Return a logger with a handler for the terminal, and one for a file."""
    found = logging.getLogger("an app")
    found.setLevel(logging.INFO)
    found.propagate = False
    found.handlers = [logging.StreamHandler(sys.stdout), logging.StreamHandler(io.StringIO())]
    found.handlers[0].setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    yield found
    found.handlers = []
    if line := app_log._line_to("somebody"):
        line.close()
    app_log._line_to.cache_clear()


def test_lines_carry_the_trials_number_and_nothing_that_a_terminal_obeys(logger: logging.Logger) -> None:
    terminal = io.StringIO()
    with AppLog("somebody", Console(file=terminal, width=40)):
        send_log("somebody", 7)
        logger.info("one\ntwo \x1b[31mred\x1b[0m \x1b[2J\x07")
        logger.debug("deep")
        logger.info("long " * 20_000)
    lines = terminal.getvalue().splitlines()
    assert lines[:2] == ["trial 7: [INFO] one", "trial 7: two red "]
    assert len(lines) == 3
    assert len(lines[2]) < app_log.LONGEST + 20
    file = logger.handlers[0]
    assert isinstance(file, logging.StreamHandler)
    assert "deep" not in file.stream.getvalue()
    assert len(file.stream.getvalue()) > 100_000


def test_without_a_driver_the_log_stays_where_it_was(logger: logging.Logger) -> None:
    before = list(logger.handlers)
    send_log("somebody", 7)
    assert logger.handlers == before


def test_a_driver_that_is_gone_ends_no_trial(logger: logging.Logger) -> None:
    with AppLog("somebody", Console(file=io.StringIO())):
        send_log("somebody", 7)
    logger.info("nobody hears it")


def test_with_the_basic_launcher_it_is_the_apps_own(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    command = [str(tmp_path / "app.py"), "-m", "hydra/sweeper=convsweep", "hydra/launcher=basic", "+x=1,2"]
    out = run_inside(command, tmp_path).stdout
    assert "][__main__][INFO] - x is 2\n" in out
    assert "deep" not in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "info", "debug"),
    [([], 2, 0), (["hydra.verbose=true"], 2, 2), (["hydra.job_logging.root.level=WARNING"], 0, 0),
     (["hydra/job_logging=none"], 0, 0), (["hydra/job_logging=disabled"], 0, 0)],
)  # fmt: skip
def test_workers_send_what_the_jobs_logging_says(tmp_path: Path, overrides: list[str], info: int, debug: int) -> None:
    (tmp_path / "app.py").write_text(APP)
    command = ["app.py", "-m", "hydra/sweeper=convsweep", "hydra/launcher=joblib", "hydra.sweeper.n_jobs=2", "+x=1,2"]
    done = run([*command, *overrides], tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("trial ") and "[__main__]" in line]
    assert sum("INFO] - x is" in line for line in lines) == info
    assert sum("DEBUG] - deep" in line for line in lines) == debug
