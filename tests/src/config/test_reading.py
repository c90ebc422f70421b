"""A config as a run has recorded it."""

import pytest
from hydra import compose, initialize_config_dir

from src.config import Config, ConfigError, as_yaml, read_config, register, settings
from tests.helpers.command import ROOT


def composed(*overrides: str) -> Config:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return settings(compose("config", list(overrides)))


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["model=resnet", "schedule=plateau", "augmentation=affine", "optimizer=sgd", "dataset.labels=onehot"],
        ["objective=[val_accuracy,parameters]", "constraints=['parameters <= 1000']", "training.threads=2"],
        ["model=custom", "model.build=tests.src.model.networks.dense", "model.units=4"],
        ["model=pretrained", "model.weights=null", "model.trainable=2", "dataset=cifar10"],
    ],
)
def test_what_was_written_is_read(overrides: list[str]) -> None:
    config = composed(*overrides)
    assert read_config(as_yaml(config)) == config


def test_a_config_of_before_a_key_has_its_default() -> None:
    text = as_yaml(composed())
    assert "system_metrics: false" in text
    older = "\n".join(line for line in text.splitlines() if "system_metrics" not in line and "paused_mb" not in line)
    assert read_config(older) == composed()


@pytest.mark.parametrize("text", ["", "{}", "a: [", "dataset: {name: none}", as_yaml.__doc__ or ""])
def test_what_is_no_config_is_a_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^config\.yaml is of another version, or no config of a run: "):
        read_config(text)


def test_a_key_of_a_later_version_is_named() -> None:
    text = as_yaml(composed()).replace("  paused_mb:", "  novelty: 3\n  paused_mb:")
    with pytest.raises(ConfigError, match="novelty"):
        read_config(text)
