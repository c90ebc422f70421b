import math
from dataclasses import dataclass, field


@dataclass
class History:
    """The metrics of each epoch, and which epoch was best (from 1).

    Attributes:
        epochs: Metrics by name, an entry an epoch.
        best_epoch: The best by the objective; of those that tie, the one with the lowest `val_loss`, then the first.
        fit_seconds: Spent so far.
        first_phase: How many of the epochs were of the first of two phases; 0 while it lasts, or there is but one.
        paused: Whether the training is to go on from its checkpoint another time.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    fit_seconds: float = 0.0
    paused: bool = False
    first_phase: int = 0

    @property
    def best(self) -> dict[str, float]:
        """The metrics of the best epoch."""
        return self.epochs[self.best_epoch - 1]

    def add(self, metrics: dict[str, float], metric: str, sign: float) -> bool:
        """Add an epoch; return whether it is the best so far by `metric`, where higher times `sign` is better."""
        self.epochs.append(metrics)
        if self.best_epoch and not _rank(metrics, metric, sign) > _rank(self.best, metric, sign):
            return False
        self.best_epoch = len(self.epochs)
        return True

    def stale(self, metric: str, sign: float) -> int:
        """Return for how many epochs of its phase the metric has not got better: one that only ties has not."""
        values = [_rank(metrics, metric, sign)[0] for metrics in self.epochs[self.first_phase :]]
        return len(values) - 1 - values.index(max(values)) if values else 0


def _rank(metrics: dict[str, float], metric: str, sign: float) -> tuple[float, float]:
    """Return what an epoch is compared by; a value that is no number is the worst."""
    value, loss = sign * metrics[metric], -metrics["val_loss"]
    return (-math.inf if math.isnan(value) else value, -math.inf if math.isnan(loss) else loss)
