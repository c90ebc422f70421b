from dataclasses import dataclass, field


@dataclass
class History:
    """The metrics of each epoch, and which epoch was best (from 1).

    Attributes:
        epochs: Metrics by name, an entry an epoch.
        best_epoch: The best by the objective.
        fit_seconds: Spent so far.
        paused: Whether the training is to go on from its checkpoint another time.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    fit_seconds: float = 0.0
    paused: bool = False

    @property
    def best(self) -> dict[str, float]:
        """The metrics of the best epoch."""
        return self.epochs[self.best_epoch - 1]
