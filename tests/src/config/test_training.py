"""The `training` group: what each key takes, and what does not go together."""

import pytest
from hydra import compose, initialize_config_dir

from src.config import ConfigError, register, settings
from tests.helpers.command import ROOT


def problems(*overrides: str) -> list[str]:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        try:
            settings(compose("config", list(overrides)))
        except ConfigError as error:
            return error.problems
    return []


@pytest.mark.parametrize("model", ["cnn", "mlp", "alexnet", "vgg", "inception", "resnet"])
def test_batches_of_one_image_are_refused_with_batch_normalization(model: str) -> None:
    (problem,) = problems(f"model={model}", "model.batch_norm=true", "training.batch_size=1")
    assert problem.startswith("`training.batch_size` must be 2 or more with batch normalization")
    assert problem.endswith("got 1; type e.g. training.batch_size=32, or model.batch_norm=false")
    assert problems(f"model={model}", "model.batch_norm=false", "training.batch_size=1") == []


def test_unknown_losses_and_weights_list_what_there_is() -> None:
    assert problems("training.loss=hinge", "training.class_weight=inverse") == [
        "`training.loss` must be one of crossentropy, focal, got hinge; type e.g. training.loss=crossentropy",
        "`training.class_weight` must be one of none, balanced, effective, got inverse; "
        "type e.g. training.class_weight=balanced",
    ]
