"""Which values of more than 8 bits become 0 and 255: one range for a whole dataset, from its training part."""

from collections.abc import Sequence

from src.dataset.decode import Deep


def choose(measured: Sequence[Deep]) -> tuple[float, float]:
    """Return the range that images use: from the smallest to the largest value.

    Where all but the rarest values lie in less than half of that, as with a few broken pixels, it is the range of
    those. Where there is but one value, it is what its type holds.
    """
    low, high = min(deep.low for deep in measured), max(deep.high for deep in measured)
    usual = min(deep.usual_low for deep in measured), max(deep.usual_high for deep in measured)
    if usual[0] < usual[1] and usual[1] - usual[0] < (high - low) / 2:
        return usual
    if low < high:
        return low, high
    return (0.0, 65535.0) if high > 1 else (0.0, 1.0)
