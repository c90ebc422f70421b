"""The raw results, kept from run to run: what is there is not measured again."""

import csv
import json
import os
import platform
from datetime import date
from pathlib import Path

from benchmarks.peers import environments
from benchmarks.peers.measure import Measured
from benchmarks.peers.setting import ROOT, TRYING

FOLDER = ROOT / ("build/peers" if TRYING else "benchmarks/results")
SETTING = "peers_setting.json"
COLUMNS = ["way", "seed", "kind", "seconds", "value"]


def folders() -> list[Path]:
    """Return where results are: the usual folder, and those below it that were measured elsewhere or otherwise."""
    return [kept.parent for kept in [FOLDER / SETTING, *sorted(FOLDER.glob(f"*/{SETTING}"))] if kept.exists()]


def path(mode: str, folder: Path | None = None) -> Path:
    """Return the table of a mode."""
    return (folder or FOLDER) / f"peers_{mode}.csv"


def read(mode: str, folder: Path | None = None) -> dict[tuple[str, int], Measured]:
    """Return what has been measured, by way and seed; of the epochs those that were better than all before."""
    found: dict[tuple[str, int], Measured] = {}
    if path(mode, folder).exists():
        with path(mode, folder).open(newline="") as file:
            for row in csv.DictReader(file):
                key, at, value = (row["way"], int(row["seed"])), float(row["seconds"]), float(row["value"])
                if row["kind"] == "command":
                    found[key] = Measured(at, value, [])
                else:
                    found[key].epochs.append((at, value))
    return found


def add(mode: str, way: str, seed: int, measured: Measured, folder: Path | None = None) -> None:
    """Add a run: a row for the whole command with its processor seconds, and one for each better accuracy."""
    (folder or FOLDER).mkdir(parents=True, exist_ok=True)
    rows = [[way, seed, "command", f"{measured.seconds:.2f}", f"{measured.processor:.1f}"]]
    best = -1.0
    for at, accuracy in measured.epochs:
        if accuracy > best:
            best = accuracy
            rows.append([way, seed, "accuracy", f"{at:.2f}", f"{accuracy:.4f}"])
    new = not path(mode, folder).exists()
    with path(mode, folder).open("a", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([COLUMNS, *rows] if new else rows)


def note_setting(folder: Path, at_once: int | None, **more: float) -> None:
    """Keep the machine, the versions and the seconds beside the tables.

    Args:
        folder: of the results.
        at_once: cores of each way where they run side by side.
        more: what else has to be the same.

    Raises:
        SystemExit: They are not those of the results that are there.
    """
    now = {"machine": _machine(at_once), "versions": _versions(), **more}
    kept = folder / SETTING
    if kept.exists():
        before = json.loads(kept.read_text())
        changed = [key for key in now if before.get(key) != now[key]]
        if changed:
            raise SystemExit(f"{kept} and the results beside it are of another {' and '.join(changed)}; move them away")
        return
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"date": date.today().isoformat(), **now}, indent=2) + "\n")


def setting(folder: Path) -> dict:
    """Return what `note_setting` kept."""
    return json.loads((folder / SETTING).read_text())


def _versions() -> dict[str, dict[str, str]]:
    names = (environments.OURS, environments.PEERS, environments.OFFICIAL)
    return {"python": {"python": platform.python_version()}, **{name: environments.versions(name) for name in names}}


def _machine(at_once: int | None) -> str:
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    has = f"{at_once} of {os.cpu_count()} cores for each way" if at_once else f"{len(os.sched_getaffinity(0))} cores"
    return f"{has}, {models[0] if models else platform.processor()}"
