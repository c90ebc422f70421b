"""Settings of the group `evaluation`: how closely a trained model is looked at."""

from dataclasses import dataclass

from omegaconf import MISSING

TRIALS = ("best", "all")


@dataclass
class EvaluationConfig:
    # Which trials of a study get what takes longer than about 0.3 s: those that are the best so far, or all.
    # What an objective or a constraint needs is made for all in any case.
    trials: str = MISSING
    # Whether a single run is judged on the test images as well, once, after its training. Never in a study: what is
    # chosen by the test images is not tested by them.
    test: bool = False
    # Whether what is measured after the training asks the network about an image and its mirror image, and takes the
    # mean of its answers. What is known after each epoch stays plain. The kept model does the same by itself: predict,
    # an export and a server give the answers that were judged.
    tta: bool = False


def check(config: EvaluationConfig) -> list[str]:
    """Return what is wrong with the settings."""
    if config.trials in TRIALS:
        return []
    return [
        f"`evaluation.trials` must be one of {', '.join(TRIALS)}, got {config.trials}; type e.g. evaluation.trials=all"
    ]
