"""The `training` group: how a model is fitted, and the values that each key takes."""

from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from src.config.own_function import OwnFunction

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")
CLASS_WEIGHTS = ("none", "balanced", "effective")
LOSSES = ("crossentropy", "focal")
EXAMPLE = "my_losses.my_loss"
EPOCH, RUNNING = "epoch", "running"


@dataclass
class TrainingConfig:
    # At most; early stopping, a scheduler or a pruner may end a trial before.
    epochs: int = MISSING
    # Epochs that follow these, in which a pretrained backbone's `model.trainable` layers learn as well.
    fine_tune_epochs: int = 0
    # The learning rate in them, over that of the first ones.
    fine_tune_rate: float = 0.1
    # Images of a training step.
    batch_size: int = MISSING
    # Epochs without a better objective after which training ends; null: never.
    early_stopping: int | None = None
    # crossentropy, or focal: what is sure already counts less; or a function of your own, such as my_losses.my_loss.
    loss: Any = "crossentropy"
    # The share of a label that is spread over all classes; needs dataset.labels=onehot.
    label_smoothing: float = 0.0
    # What an image counts in the loss: none (each the same), balanced (by how rare its class is), or effective.
    class_weight: str = "none"
    # Whether each batch has as many images of a rare class as of a frequent one.
    balanced_batches: bool = False
    # [start, end]: pixels of the training images' smaller side in the first and in the last epoch; null: their own.
    progressive_resizing: Any = None
    # Of batch normalization: those of an epoch where it has few steps, or running ones, which held before there was
    # this key: a record or a training option without it is of then.
    norm_statistics: str = RUNNING
    # float32, mixed_bfloat16, mixed_float16, or auto: mixed_bfloat16 where the processor computes in it, not on a GPU.
    precision: str = MISSING
    # Whether XLA compiles the steps: true, false, or auto: on a GPU, where a training has 2,000 and more.
    jit_compile: Any = "auto"
    # Threads that one operation may use; null: 1 in a study, where each core has a worker, else one a core.
    # Another number of threads rounds differently: 1 keeps a trial's result the same with any number of workers.
    threads: int | None = None
    # Megabytes that the checkpoints of a study's paused trials may take together; those of the least promising go
    # first, and such a trial starts again should its turn come after all.
    paused_mb: int = 2000


def total_epochs(epochs: int, fine_tune_epochs: int) -> int:
    """Return how many epochs a training run has, in both of its phases."""
    return epochs + fine_tune_epochs


def check(training: TrainingConfig) -> list[str]:
    """Return everything that is wrong with the settings, a line each."""
    problems = []

    def expect(good: bool, key: str, expected: str, instead: str) -> None:
        if not good:
            got: Any = getattr(training, key)
            problems.append(f"`training.{key}` must be {expected}, got {got}; type e.g. training.{key}={instead}")

    stopping, threads = training.early_stopping, training.threads
    expect(training.epochs >= 1, "epochs", "1 or more", "10")
    expect(training.fine_tune_epochs >= 0, "fine_tune_epochs", "0 or more", "5")
    rate = training.fine_tune_rate
    expect(0 < rate < float("inf"), "fine_tune_rate", "a number above 0", "0.1")
    expect(training.batch_size >= 1, "batch_size", "1 or more", "128")
    expect(stopping is None or stopping >= 1, "early_stopping", "1 or more epochs, or null", "5")
    own = OwnFunction.of(training.loss)
    known = f"one of {', '.join(LOSSES)}, or a function of your own, such as {EXAMPLE}"
    expect(own is not None or training.loss in LOSSES, "loss", known, LOSSES[0])
    problems += own.check("training.loss", ("y_true", "y_pred"), EXAMPLE) if own is not None else []
    expect(0 <= training.label_smoothing < 1, "label_smoothing", "at least 0 and below 1", "0.1")
    expect(training.class_weight in CLASS_WEIGHTS, "class_weight", f"one of {', '.join(CLASS_WEIGHTS)}", "balanced")
    expect(
        _are_sizes(training.progressive_resizing),
        "progressive_resizing",
        "null, or [start,end] in pixels with 1 <= start <= end",
        "[16,28]",
    )
    expect(training.norm_statistics in (EPOCH, RUNNING), "norm_statistics", f"{EPOCH} or {RUNNING}", EPOCH)
    expect(training.precision in PRECISIONS, "precision", f"one of {', '.join(PRECISIONS)}", "auto")
    jit = training.jit_compile
    expect(isinstance(jit, bool) or jit == "auto", "jit_compile", "auto, true or false", "auto")
    expect(training.paused_mb >= 0, "paused_mb", "0 or more", "2000")
    expect(threads is None or threads >= 1, "threads", "1 or more, or null", "1")
    return problems


def _are_sizes(sizes: Any) -> bool:
    if not isinstance(sizes, list):
        return sizes is None
    whole = all(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
    return whole and len(sizes) == 2 and 1 <= sizes[0] <= sizes[1]
