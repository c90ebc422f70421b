"""convsweep beside other ways to search, on the same images, space, network and seeds, in turn.

    python -m benchmarks.peers                                  # all: some four hours of an otherwise quiet machine
    python -m benchmarks.peers --modes=anytime --only=ours,handwritten --seeds=1 --seconds=60
    python -m benchmarks.peers --report                         # write the page from what is there
    PEERS_TRY=1 python -m benchmarks.peers --seeds=1 --seconds=60     # tiny, into build/peers: does everything run?

Fixed work: the same 16 configurations, 8 epochs each, none pruned. Any time: the best validation accuracy so far over
so many seconds. What is in benchmarks/results/ is not measured again, so that the same command goes on after a stop.
Lays environments of its own beside .venv, compiled; writes docs/benchmarks.md and its picture.
"""

import argparse
import signal
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.peers import environments, report, results
from benchmarks.peers.measure import Failed, export_images, measure
from benchmarks.peers.ways import WAYS

FASTEST, MORE_SEEDS = 2, 5  # ways that get more seeds, and how many


def names(text: str) -> list[str]:
    given = text.split(",")
    if unknown := [name for name in given if name not in WAYS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}; there are {', '.join(WAYS)}")
    return given


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--modes", default="fixed,anytime", help="%(default)s")
    parser.add_argument("--only", type=names, default=list(WAYS), metavar="WAY,...", help=f"of {', '.join(WAYS)}")
    parser.add_argument(
        "--seeds", type=int, default=3, help=f"of each way (%(default)s); from 3 on, the fastest two get {MORE_SEEDS}"
    )
    parser.add_argument("--seconds", type=float, default=240.0, help="of a search, any time (%(default)g)")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what runs, too
    if not arguments.report:
        for way in arguments.only:
            environments.python(WAYS[way].environment)
        results.note_setting(seconds=arguments.seconds)
        with tempfile.TemporaryDirectory() as folder:
            for mode in arguments.modes.split(","):
                _measure_all(mode, arguments.only, arguments.seeds, arguments.seconds, Path(folder))
    report.write()


def _measure_all(mode: str, only: list[str], seeds: int, seconds: float, folder: Path) -> None:
    """Measure the ways in turn, seed by seed; then the two best once more for the seeds that only they get."""
    ways = [way for way in only if mode in WAYS[way].modes]
    rounds = [(seed, ways) for seed in range(seeds)]
    for seed, some in rounds:
        for way in some:
            _measure_one(mode, way, seed, seconds, folder)
        if mode == "anytime" and seed == seeds - 1 and seeds >= 3:
            rounds += [(more, _fastest(mode, ways)) for more in range(seeds, MORE_SEEDS)]


def _measure_one(mode: str, way: str, seed: int, seconds: float, folder: Path) -> None:
    if (way, seed) in results.read(mode):
        return
    try:
        measured = measure(WAYS[way], mode, seed, seconds, export_images(seed, folder))
    except Failed as error:
        sys.exit(f"{way}, seed {seed}, {mode}:\n{error}")
    results.add(mode, way, seed, measured)
    best = max(accuracy for _, accuracy in measured.epochs)
    print(
        f"{mode} {way}, seed {seed}: {measured.seconds:.0f} s, {measured.processor:.0f} processor seconds, "
        f"{len(measured.epochs)} epochs, best {best:.4f}",
        flush=True,
    )


def _fastest(mode: str, ways: list[str]) -> list[str]:
    """Return the two ways with the best accuracy at the end, in the median."""
    measured = results.read(mode)

    def final(way: str) -> float:
        return statistics.median(run.epochs[-1][1] for (name, _), run in measured.items() if name == way)

    return sorted(ways, key=final, reverse=True)[:FASTEST]


if __name__ == "__main__":
    main()
