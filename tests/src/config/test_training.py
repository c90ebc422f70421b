"""The `training` group: what each key takes, and what does not go together."""

import pytest
from hydra import compose, initialize_config_dir

from src.config import ConfigError, register, settings
from src.recording import StudyTracking
from tests.helpers.command import ROOT

RUNNING = "training.norm_statistics=running"


def problems(*overrides: str) -> list[str]:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        try:
            settings(compose("config", list(overrides)))
        except ConfigError as error:
            return error.problems
    return []


@pytest.mark.parametrize("model", ["cnn", "mlp", "alexnet", "vgg", "inception", "resnet", "airbench"])
def test_batches_of_one_image_are_refused_with_batch_normalization(model: str) -> None:
    (problem,) = problems(f"model={model}", "model.batch_norm=true", "training.batch_size=1")
    assert problem.startswith("`training.batch_size` must be 2 or more with batch normalization")
    assert problem.endswith("got 1; type e.g. training.batch_size=32, or model.batch_norm=false")
    assert problems(f"model={model}", "model.batch_norm=false", "training.batch_size=1") == []


def test_unknown_losses_and_weights_list_what_there_is() -> None:
    assert problems("training.loss=hinge", "training.class_weight=inverse") == [
        "`training.loss` must be one of crossentropy, focal, or a function of your own, such as my_losses.my_loss, "
        "got hinge; type e.g. training.loss=crossentropy",
        "`training.class_weight` must be one of none, balanced, effective, got inverse; "
        "type e.g. training.class_weight=balanced",
    ]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["[8,4]"],
            "null, or [start,end] in pixels with 1 <= start <= end, got [8, 4]; type e.g. training.progressive_re",
        ),
        (["[8]"], "null, or [start,end] in pixels"),
        (["[0,4]"], "null, or [start,end] in pixels"),
        (["16"], "null, or [start,end] in pixels with 1 <= start <= end, got 16"),
        (["[4.5,8]"], "null, or [start,end] in pixels"),
        (["[4,8]"], "null with model=cnn, which has no global pooling before its dense layers"),
        (
            ["[40,64]", "model=pretrained", "model.weights=null", "dataset.image_size=64"],
            "null with model=pretrained, whose",
        ),
        (["[4,8]", "model=vgg", "model.stem=published"], "null with model=vgg, which has no global pooling"),
    ],
)
def test_sizes_of_training_images_are_refused(overrides: list[str], message: str) -> None:
    sizes, *more = overrides
    base = [] if more or sizes == "[4,8]" else ["model=resnet"]
    (problem,) = problems(f"training.progressive_resizing={sizes}", *base, *more)
    assert problem.startswith(f"`training.progressive_resizing` must be {message}")
    assert "; type e.g. " in problem


def test_sizes_of_training_images_go_with_networks_that_pool_globally() -> None:
    for model in ("resnet", "inception", "vgg", "airbench"):
        assert problems(f"model={model}", "training.progressive_resizing=[4,8]") == []


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training.norm_statistics=batch"], "`training.norm_statistics` must be epoch or running, got batch"),
        (["optimizer.use_ema=often"], "`optimizer.use_ema` must be true or false, got often"),
        (
            ["optimizer.use_ema=true", "optimizer.ema_momentum=1"],
            "`optimizer.ema_momentum` must be at least 0 and below",
        ),
        (["optimizer=schedulefreeadamw", "+optimizer.use_ema=true"], "`optimizer.use_ema` must be false with schedule"),
        (["optimizer=muon", "+optimizer.momenta=1"], "`optimizer.momenta`"),
        (["optimizer=schedulefreeadamw", "+optimizer.warmup=1"], "`optimizer.warmup`"),
        (["optimizer._target_=keras.optimizers.ScheduleFreeAdamW", "+optimizer.warmup=1"], "`optimizer.warmup`"),
    ],
)
def test_what_an_optimizer_does_not_take_is_refused(overrides: list[str], message: str) -> None:
    (problem,) = problems(*overrides)
    assert problem.startswith(message)


def test_the_newer_optimizers_and_averaged_weights_are_taken() -> None:
    for option in ("muon", "schedulefreeadamw"):
        assert problems(f"optimizer={option}") == []
    assert problems("optimizer.use_ema=true", "optimizer.ema_momentum=0.9") == []


def test_a_study_from_before_there_were_averages_is_no_other_one_for_them() -> None:
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        keys = ["optimizer.use_ema", "optimizer.ema_momentum"]
        for option in ("adam", "sgd", "muon"):
            assert StudyTracking().defaults(compose("config", [f"optimizer={option}", RUNNING])) == keys
        assert StudyTracking().defaults(compose("config", ["optimizer.use_ema=true", RUNNING])) == []
        assert StudyTracking().defaults(compose("config", ["optimizer=schedulefreeadamw", RUNNING])) == []
