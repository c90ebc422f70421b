"""What Optuna says by itself, and nobody needs to hear."""

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


def quieten_optuna() -> None:
    """Silence what Optuna says of each study and of choices that are lists, in this process."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Lists and dicts do survive Optuna's storages, as JSON; the warning is meant for other objects.
    warnings.filterwarnings("ignore", message="Choices for a categorical distribution")
