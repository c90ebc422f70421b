"""The settings of `augmentation`."""

from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from src.config import ConfigError, register, settings
from src.config.augmentation import AugmentationConfig
from tests.helpers.command import ROOT


@pytest.fixture
def composing():
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        yield


def composed(*overrides: str) -> Any:
    return settings(compose("config", list(overrides))).augmentation


@pytest.mark.usefixtures("composing")
def test_the_options_are_what_their_names_say() -> None:
    assert composed() == composed("augmentation=none") == AugmentationConfig()
    assert not composed().on
    assert composed("augmentation=flip") == AugmentationConfig(horizontal_flip=True)
    for option in sorted(path.stem for path in (ROOT / "conf/augmentation").glob("*.yaml")):
        assert composed(f"augmentation={option}").on == (option != "none")
    assert composed("augmentation.rotation_range=5").on, "any key works without an option"
    assert composed("augmentation=affine", "augmentation.mode=expand").copies is None
    assert composed("augmentation.zoom_range=[0.9,1]").zoom_factors == (0.9, 1)


WRONG = [
    ("rotation_range=181", "degrees from 0 to 180, got 181.0; type e.g. augmentation.rotation_range=10"),
    ("rotation_range=nan", "degrees from 0 to 180, got nan"),
    ("shear_range=90", "degrees from 0 to below 90, got 90.0"),
    ("width_shift_range=-0.1", "a number from 0 up: below 1 a fraction, else pixels, got -0.1"),
    ("height_shift_range=[0.1,0.2]", "a number from 0 up: below 1 a fraction, else pixels, got [0.1, 0.2]"),
    ("height_shift_range=true", "a number from 0 up"),
    ("zoom_range=1", "a number from 0 to below 1, or [lowest,highest] with 0 < lowest <= highest, got 1"),
    ("zoom_range=[1.2,0.8]", "a number from 0 to below 1, or [lowest,highest]"),
    ("zoom_range=[0,1]", "a number from 0 to below 1, or [lowest,highest]"),
    ("zoom_range=near", "a number from 0 to below 1, or [lowest,highest]"),
    ("fill_mode=mirror", "one of nearest, constant, reflect, wrap, got mirror"),
    ("cval=inf", "a finite number, got inf"),
    ("rescale=0", "a number above 0, or null, got 0.0"),
    ("mode=both", "one of stream, expand, got both"),
    ("copies=2", "null with augmentation.mode=stream, got 2; type e.g. augmentation.copies=null"),
    ("random_crop=1.5", "a number from 0 up: below 1 a fraction, else whole pixels, got 1.5"),
    ("random_crop=-1", "a number from 0 up: below 1 a fraction, else whole pixels, got -1"),
    ("color_jitter=1.2", "a number from 0 to 1, got 1.2; type e.g. augmentation.color_jitter=0.25"),
    ("rand_augment=9", "a number from 0 to 1, got 9.0"),
    ("random_erasing=nan", "a number from 0 to 1, got nan"),
    ("mixup=-0.2", "an alpha from 0 to 100, got -0.2; type e.g. augmentation.mixup=0.2"),
    ("cutmix=inf", "an alpha from 0 to 100, got inf"),
    ("mode=expand", "stream where nothing is augmented, got expand; type e.g. augmentation=affine"),
]


@pytest.mark.usefixtures("composing")
@pytest.mark.parametrize(("override", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_value_is_named_with_its_key_and_what_to_type(override: str, message: str) -> None:
    key = override.partition("=")[0]
    with pytest.raises(ConfigError) as caught:
        composed(f"augmentation.{override}")
    (problem,) = caught.value.problems
    assert problem.startswith(f"`augmentation.{key}` must be {message}")
    assert "; type e.g. augmentation" in problem


@pytest.mark.usefixtures("composing")
def test_copies_are_at_least_one() -> None:
    with pytest.raises(ConfigError, match=r"`augmentation.copies` must be 1 or more, or null, got 0"):
        composed("augmentation=shift", "augmentation.mode=expand", "augmentation.copies=0")


@pytest.mark.usefixtures("composing")
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["horizontal_flip=true", "alternating_flip=true"], "alternating_flip` must be false with augmentation.horizo"),
        (["mode=expand", "alternating_flip=true"], "alternating_flip` must be false with augmentation.mode=expand"),
        (["mode=expand", "mixup=0.2"], "mixup` must be 0 with augmentation.mode=expand, got 0.2"),
        (["mode=expand", "cutmix=1"], "cutmix` must be 0 with augmentation.mode=expand, got 1.0"),
    ],
)
def test_what_does_not_go_together_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        composed(*(f"augmentation.{override}" for override in overrides))
    (problem,) = caught.value.problems
    assert problem.startswith(f"`augmentation.{message}")
