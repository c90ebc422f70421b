"""Which values of more than 8 bits become 0 and 255: one range for a whole dataset, from its training part."""

from collections.abc import Sequence

from src.dataset.decode import Deep

WHOLE = (1.0, *(2.0**bits - 1 for bits in (8, 10, 12, 14, 16)))  # the highest value of floats, and of so many bits


def choose(measured: Sequence[Deep], few: bool = False) -> tuple[float, float]:
    """Return the range that images use: from the smallest to the largest value.

    Where all but the rarest values lie in less than half of that, as with a few broken pixels, it is the range of
    those. Where there is but one value, it is what its type holds. A `few` among images of 8 bits, which are taken as
    they are, are to be as bright as these: for them it is all that so many bits can hold.
    """
    low, high = min(deep.low for deep in measured), max(deep.high for deep in measured)
    if few and low >= 0 and high <= WHOLE[-1]:
        return 0.0, next(end for end in WHOLE if high <= end)
    usual = min(deep.usual_low for deep in measured), max(deep.usual_high for deep in measured)
    if usual[0] < usual[1] and usual[1] - usual[0] < (high - low) / 2:
        return usual
    if low < high:
        return low, high
    return (0.0, 65535.0) if high > 1 else (0.0, 1.0)
