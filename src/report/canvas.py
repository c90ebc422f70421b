"""The figure that a picture is drawn on, and the letters on it.

Matplotlib is imported when the first one is drawn, by the process that delivers it: a worker only says what to draw.
There is no pyplot: no global state, no display, safe in any thread.
"""

import contextlib
import functools
import logging
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST = 24  # columns of a class's name; a longer one loses its middle
# Looked at first, as they look best and cover most; then whatever is installed.
PREFERRED = ("Noto Sans", "Source Han Sans", "WenQuanYi", "Droid Sans Fallback", "Arial Unicode", "Unifont")
HINT = "fonts-noto-cjk"

log = logging.getLogger(__name__)
# The first time on a machine it tells of its list of fonts, in two lines between those of a training.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


def new_figure(size: tuple[float, float], texts: Iterable[str] = (), **settings: Any) -> "Figure":
    """Return an empty figure of a size in inches, whose letters come from fonts that have those of `texts`."""
    import matplotlib
    from matplotlib.figure import Figure

    _find_fonts("".join(sorted(_letters(texts))))
    matplotlib.rcParams["font.family"] = ["DejaVu Sans", *_families]
    return Figure(figsize=size, **settings)


def count_in_whole_numbers(axes: "Axes") -> None:
    """Let the x axis have no ticks between two integers."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def shown(names: Sequence[str], longest: int = LONGEST) -> list[str]:
    """Return class names as a picture can show them: short enough, each different, in letters that a font here has.

    A name without such letters is shown as its number in the tables beside the picture.
    """
    missing = _find_fonts("".join(sorted(_letters(names))))
    readable = [name if not missing & set(name) else f"class {i}" for i, name in enumerate(names)]
    if readable != list(names):
        _tell_once()
    short = [_shortened(name.replace("\n", " "), longest) for name in readable]
    return [f"{name} ({i})" if short.count(name) > 1 else name for i, name in enumerate(short)]


def printable(text: str) -> str:
    """Return a text with letters that no font here has as their code points."""
    missing = _find_fonts("".join(sorted(_letters([text]))))
    return "".join(f"U+{ord(letter):04X} " if letter in missing else letter for letter in text)


def width(name: str) -> int:
    """Return how many columns a name takes: Chinese, Japanese and Korean letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name)


def _shortened(name: str, longest: int) -> str:
    """Leave out a long name's middle: names often differ in their ends."""
    if width(name) <= longest:
        return name
    head, tail = name, name
    while width(head) > longest // 2:
        head = head[:-1]
    while width(tail) > longest - longest // 2 - 1:
        tail = tail[1:]
    return f"{head.rstrip()}…{tail.lstrip()}"


def _letters(texts: Iterable[str]) -> set[str]:
    return {letter for text in texts for letter in text if ord(letter) > 0x7E and letter.isprintable()}


_families: list[str] = []  # of the fonts beside Matplotlib's own that were needed so far


@functools.cache
def _find_fonts(letters: str) -> frozenset[str]:
    """Find installed fonts that have the letters; return those letters that none has."""
    if not letters:
        return frozenset()
    missing = set(letters) - _covered("DejaVu Sans")
    for family in _installed() if missing else ():
        have = missing & _covered(family)
        if have:
            missing -= have
            if family not in _families:
                _families.append(family)
        if not missing:
            break
    return frozenset(missing)


@functools.cache
def _installed() -> tuple[str, ...]:
    from matplotlib.font_manager import findSystemFonts, fontManager

    # Matplotlib remembers the fonts that there were when it first looked.
    for path in set(findSystemFonts()) - {entry.fname for entry in fontManager.ttflist}:
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            fontManager.addfont(path)
    names = {entry.name for entry in fontManager.ttflist} - {"DejaVu Sans"}
    rank = {name: next((i for i, start in enumerate(PREFERRED) if name.startswith(start)), 99) for name in names}
    return tuple(sorted(names, key=lambda name: (rank[name], name)))


@functools.cache
def _covered(family: str) -> frozenset[str]:
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    path = next(entry.fname for entry in fontManager.ttflist if entry.name == family)
    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (OSError, RuntimeError, ValueError):  # a font that Matplotlib cannot read
        return frozenset()


@functools.cache
def _tell_once() -> None:
    log.warning(
        "no font here has the letters of all class names: pictures show their numbers in classification_report.json; "
        "a font such as %s helps",
        HINT,
    )
