"""docs/benchmarks.md and its pictures, from the raw results."""

import statistics
from pathlib import Path

from benchmarks.peers import results
from benchmarks.peers.measure import Measured
from benchmarks.peers.setting import EPOCHS, ROOT, TRIALS, TRYING
from benchmarks.peers.ways import WAYS

FOLDER = results.FOLDER if TRYING else ROOT / "docs"
PAGE, PICTURE = FOLDER / "benchmarks.md", FOLDER / "benchmarks.png"
OURS = "ours"
Runs = dict[str, dict[int, Measured]]  # by way and seed


def write() -> None:
    """Write the page, and a picture for each machine with searches by time."""
    parts = [_introduction()]
    for folder in results.folders():
        parts += _machine(folder)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


def _machine(folder: Path) -> list[str]:
    """Tell what was measured on one machine; no number of it is compared with another's."""
    fixed, anytime = _by_way("fixed", folder), _by_way("anytime", folder)
    setting = results.setting(folder)
    how = "side by side" if "for each way" in setting["machine"] else "in turn"
    parts = [f"## {setting['machine']}", f"{setting['date']}; the ways ran {how}."]
    if fixed:
        parts += _fixed(fixed)
    if anytime:
        picture = PICTURE if folder == results.FOLDER else PICTURE.with_stem(f"{PICTURE.stem}-{folder.name}")
        _draw(anytime, setting["seconds"], picture)
        parts += _anytime(anytime, setting["seconds"], picture)
    return parts + _settings(setting, {*fixed, *anytime})


def _by_way(mode: str, folder: Path) -> Runs:
    runs: Runs = {}
    for (way, seed), measured in results.read(mode, folder).items():
        runs.setdefault(way, {})[seed] = measured
    return {way: dict(sorted(runs[way].items())) for way in WAYS if way in runs}


def _introduction() -> str:
    return (
        "# Beside other ways to search\n\n"
        "Written by `python -m benchmarks.peers`; the raw results are in "
        "[benchmarks/results](../benchmarks/results).\n\n"
        "8,000 images of Fashion-MNIST train, 2,000 validate. All ways have the same images, network "
        "([network.py](../benchmarks/peers/network.py)), space (optimizer, learning rate, filters, depth, dropout, "
        "batch norm) and seeds, each in an environment whose bytecode is compiled. The clock starts with the command."
    )


def _fixed(runs: Runs) -> list[str]:
    def wall(way: str) -> float:
        return statistics.median(run.seconds for run in runs[way].values())

    rows = [
        [
            WAYS[way].label,
            _range([run.seconds for run in measured.values()], "{:.0f}"),
            _range([run.processor for run in measured.values()], "{:.0f}"),
            f"{wall(way) / wall(OURS):.2f}" if OURS in runs else "",
            _range([max(value for _, value in run.epochs) for run in measured.values()], "{:.4f}"),
            str(len(measured)),
        ]
        for way, measured in sorted(runs.items(), key=lambda pair: wall(pair[0]))
    ]
    heads = ["way", "wall, s", "processor, s", "of convsweep's wall", "best accuracy", "rounds"]
    faster = [WAYS[way].label for way in runs if OURS in runs and wall(way) < wall(OURS)]
    return [
        "### Fixed work",
        f"The same {TRIALS} configurations, {EPOCHS} epochs each, none pruned: medians (range).",
        _table(heads, rows),
        *_ahead(faster, "did the same work in less time", runs),
    ]


def _anytime(runs: Runs, seconds: float, picture: Path) -> list[str]:
    marks = [seconds / 8, seconds / 4, seconds / 2, seconds]

    def final(way: str) -> float:
        return statistics.median(_best(run, seconds) for run in runs[way].values())

    rows = [
        [
            WAYS[way].label,
            _range([run.epochs[0][0] for run in measured.values()], "{:.0f}"),
            *(_range([_best(run, mark) for run in measured.values()], "{:.4f}") for mark in marks),
            str(len(measured)),
        ]
        for way, measured in sorted(runs.items(), key=lambda pair: -final(pair[0]))
    ]
    heads = ["way", "first epoch, s", *(f"after {mark:.3g} s" for mark in marks), "seeds"]
    better = [WAYS[way].label for way in runs if OURS in runs and final(way) > final(OURS)]
    parts = [
        "### Any time",
        f"The best validation accuracy so far, {seconds:g} s from the command: medians (range).",
        _table(heads, rows),
        *_ahead(better, f"had the better accuracy after {seconds:g} s", runs),
        f"![Best validation accuracy so far over time: median and range of the seeds]({picture.name})",
    ]
    peers = [way for way in runs if way != OURS]
    return parts + (_race(runs, sorted(peers, key=final, reverse=True), seconds) if OURS in runs and peers else [])


def _race(runs: Runs, peers: list[str], seconds: float) -> list[str]:
    """Tell when ours had what each of the others had at its end, seed by seed."""
    rows = []
    for peer in peers:
        seeds = sorted({*runs[OURS]} & {*runs[peer]})
        goals = {seed: _best(runs[peer][seed], seconds) for seed in seeds}
        theirs, ours = ([_reached(runs[way][seed], goals[seed]) for seed in seeds] for way in (peer, OURS))
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        rows.append(
            [
                WAYS[peer].label,
                ", ".join(f"{goals[seed]:.4f}" for seed in seeds),
                ", ".join(_seconds(at) for at in theirs),
                ", ".join(_seconds(at) for at in ours),
                _ratio(statistics.median(ratios)) if seeds else "",
                _ratio(statistics.median(at / seconds for at in ours)) if seeds else "",
            ]
        )
    heads = ["way", "its accuracy at the end, by seed", "had after, s", "convsweep had it after, s"]
    heads += ["ratio, median", f"of {seconds:g} s, median"]
    return [
        "What each of the others had at its end, when it first had that, and when convsweep did with the same seed:",
        _table(heads, rows),
    ]


def _seconds(at: float) -> str:
    return "never" if at == float("inf") else f"{at:.0f}"


def _ratio(value: float) -> str:
    return "never" if value == float("inf") else f"{value:.2f}"


def _settings(setting: dict, ways: set[str]) -> list[str]:
    rows = [
        [way.label, way.says, ", ".join(f"{name} {at}" for name, at in setting["versions"][way.environment].items())]
        for name, way in WAYS.items()
        if name in ways
    ]
    python = setting["versions"]["python"]["python"]
    return ["### Settings", f"Python {python}.", _table(["way", "setting", "versions"], rows)]


def _ahead(labels: list[str], words: str, runs: Runs) -> list[str]:
    """Say which of the others are ahead of ours, in a sentence; nothing where ours or they are missing."""
    if OURS not in runs or len(runs) == 1:
        return []
    if not labels:
        return [f"None of the others {words}."]
    return [f"**Ahead of convsweep**: {' and '.join(f'*{label}*' for label in labels)} {words}."]


def _best(run: Measured, until: float) -> float:
    return max((value for at, value in run.epochs if at <= until), default=float("nan"))


def _reached(run: Measured, goal: float) -> float:
    return next((at for at, value in run.epochs if value >= goal), float("inf"))


def _range(values: list[float], form: str) -> str:
    known = [value for value in values if value == value]
    if len(known) < len(values):
        return f"none in {len(values) - len(known)} of {len(values)}"
    low, middle, high = (form.format(value) for value in (min(known), statistics.median(known), max(known)))
    return f"{middle} ({low} to {high})" if low != high else middle


def _table(heads: list[str], rows: list[list[str]]) -> str:
    numbers = ["---" if index == 0 or head in ("setting", "versions") else "---:" for index, head in enumerate(heads)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, numbers, *rows])


def _draw(runs: Runs, seconds: float, path: Path) -> None:
    """Draw the median of the seeds over time, and their range as a band."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    at = np.linspace(0, seconds, 481)
    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    ends = []
    for way, measured in runs.items():
        curves = np.array([[_best(run, mark) for mark in at] for run in measured.values()])
        known = ~np.isnan(curves).any(axis=0)  # from when all seeds have an epoch
        strong: dict = {"linewidth": 2.5, "zorder": 3} if way == OURS else {"linewidth": 1.4}
        middle = np.median(curves[:, known], axis=0)
        [line] = axes.plot(at[known], middle, label=WAYS[way].label, drawstyle="steps-post", **strong)
        low, high = curves[:, known].min(axis=0), curves[:, known].max(axis=0)
        axes.fill_between(at[known], low, high, step="post", alpha=0.12, color=line.get_color(), linewidth=0)
        ends += [middle[-1]] if len(middle) else []
    top = max(ends, default=1.0)
    axes.set(xlim=(0, seconds), ylim=(top - 0.08, top + 0.015))
    axes.set(xlabel="seconds since the command", ylabel="best validation accuracy so far")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)
