"""How often the test images have been asked about models of a study: each time after the first, they choose as well."""

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Study

ASKED = "tests_asked"  # of the study of repeats


@dataclass(frozen=True)
class Asked:
    """A model that the test images were asked about.

    Attributes:
        model: Which one it was, in words.
        when: The date, as ISO 8601 has it.
        accuracy: What they said, None where the process ended before.
        images: How many there are.
    """

    model: str
    when: str
    accuracy: float | None = None
    images: int = 0


def tests_asked(study: "Study") -> list[Asked]:
    """Return them in order."""
    return [Asked(**one) for one in study.user_attrs.get(ASKED, [])]


def note_asked(study: "Study", model: str, accuracy: float | None = None, images: int = 0) -> None:
    """Note that the test images are about to be asked, and afterwards what they said."""
    known = [one for one in tests_asked(study) if one.model != model]
    now = Asked(model, time.strftime("%Y-%m-%d %H:%M"), accuracy, images)
    study.set_user_attr(ASKED, [asdict(one) for one in [*known, now]])
