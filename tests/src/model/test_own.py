"""A network of one's own: what its function returns, its seeds, its graphs, its checkpoints."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from src.config.dataset import DatasetConfig
from src.config.own_model import Custom
from src.config.schedule import Constant
from src.config.training import TrainingConfig
from src.dataset import load
from src.model import build, normalizes, own
from src.model.own import ModelError
from src.model.randomness import is_unseeded
from src.training import Checkpoint, Verdict, finished, fit, prepare, traced
from tests.helpers.training import data
from tests.src.model import networks

SHAPE = (8, 8, 1)


def make(function: str, seed: int = 0, **arguments: Any) -> keras.Model:
    return build(Custom(build=f"{networks.__name__}.{function}", arguments=arguments), SHAPE, 10, seed, (1 / 16,), None)


def test_the_model_takes_raw_pixels_and_gives_float32_probabilities() -> None:
    prepare("mixed_bfloat16", 1)
    try:
        model = make("dense", units=4)
        assert model.input_shape == (None, *SHAPE)
        assert model.output_shape == (None, 10)
        given = np.asarray(keras.ops.convert_to_numpy(model(np.full((3, *SHAPE), 16, "uint8"))))
        assert given.dtype == np.float32
        np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-2)
    finally:
        prepare("float32", 1)


def test_what_has_no_seed_of_its_own_follows_the_trial() -> None:
    first = make("dense", seed=3)
    prepare("float32", 1)
    again, other = make("dense", seed=3), make("dense", seed=4)
    for one, same, another in zip(first.weights[:1], again.weights[:1], other.weights[:1], strict=True):
        np.testing.assert_array_equal(one, same)
        assert np.any(np.asarray(one) != np.asarray(another))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("nothing", "must return a Keras model, got NoneType from "),
        ("one_unit", r"of the shape \(None, 10\), got the shape \(None, 1\); end it with Dense\(10, activation="),
        ("logits", "which add up to 1, got .*; end it with Dense"),
        ("two_outputs", r"of the shape \(None, 10\), got 2 outputs; end it with the one of probabilities alone"),
        ("failing", "got Reshape.call.*: The total size of the tensor must be unchanged"),
        ("other_images", r"must return a model of images \(8, 8, 1\), got "),
        ("absent", "which is not there"),
        ("OwnStep", "that trains as Keras's own do, got OwnStep with train_step, compute_loss of its own"),
    ],
)
def test_what_is_no_classifier_of_these_images_is_refused(function: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make(function)


@pytest.mark.slow
@pytest.mark.parametrize("function", ["in_lists", "in_dictionaries"])
def test_one_output_in_a_list_is_that_output(function: str) -> None:
    model = make(function)
    assert model.output_shape == (None, 10)
    assert isinstance(
        finished(model, keras.optimizers.Adam(), data(), TrainingConfig(precision="float32")), keras.Model
    )


@pytest.mark.slow
def test_settings_of_keras_hold_for_no_other_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    prepare("float32", 1)
    own._told.clear()
    model = make("with_settings")
    assert model.dtype_policy.name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == keras.config.floatx() == "float32"
    assert keras.config.image_data_format() == "channels_last"
    assert "sets the random seed itself" in caplog.text
    assert "type training.precision=mixed_bfloat16" in caplog.text
    top = "import keras\nfrom tests.src.model.networks import dense\nkeras.config.set_dtype_policy('mixed_float16')\n"
    (tmp_path / "nets_with_settings.py").write_text(top)
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # the second trial imports nothing
        made = build(Custom(build="nets_with_settings.dense"), SHAPE, 10, 0)
        assert {layer.dtype_policy.name for layer in made._flatten_layers()} == {"float32"}
    assert "type training.precision=mixed_float16" in caplog.text


def test_a_module_that_fails_says_so_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_of_mine.py").write_text("raise RuntimeError('no\\ngood')\n")
    (tmp_path / "needy_of_mine.py").write_text("import absent_of_mine\n")
    monkeypatch.chdir(tmp_path)
    for name, words in (("failing", "RuntimeError: no good"), ("needy", "ModuleNotFoundError: No module named")):
        with pytest.raises(ModelError, match=f"{name}_of_mine fails while it is imported: {words}"):
            build(Custom(build=f"{name}_of_mine.f"), SHAPE, 10, 0)


def test_batch_normalization_is_found_inside() -> None:
    assert normalizes(make("normalized"))
    assert not normalizes(make("dense"))


def train(
    function: str, seed: int = 0, rate: float = 0.01, checkpoint: Checkpoint | None = None, pause: int = 0, **given: Any
) -> tuple[list[float], keras.Model]:
    prepare("float32", 1)
    model = make(function, seed, **given)
    data = load(DatasetConfig("digits", limit=120), 0)
    settings = TrainingConfig(epochs=3, batch_size=32, precision="float32")
    ask = lambda epoch, *_: Verdict.PAUSE if epoch == pause else Verdict.GO_ON  # noqa: E731
    history = fit(model, keras.optimizers.Adam(rate), data, settings, Constant(), "val_loss", seed, ask, checkpoint)
    return [value for epoch in history.epochs for value in (epoch["loss"], epoch["val_loss"])], model


@pytest.mark.parametrize("function", [pytest.param("dense", marks=pytest.mark.slow), "Described"])
def test_a_graph_is_used_again_and_gives_the_same_numbers(function: str) -> None:
    traced._kept.clear()
    new, _ = train(function, seed=5, rate=0.003)
    traced._kept.clear()
    train(function, seed=1)
    again, _ = train(function, seed=5, rate=0.003)
    assert len(traced._kept) == 1
    assert again == new
    train(function, units=12)
    assert len(traced._kept) == 2
    traced._kept.clear()


@pytest.mark.slow
def test_what_a_layer_holds_beside_its_weights_is_another_graphs() -> None:
    traced._kept.clear()
    new, _ = train("projected", seed=5)
    traced._kept.clear()
    train("projected", seed=1)
    again, _ = train("projected", seed=5)
    assert again == new
    assert len(traced._kept) == 2
    train("projected", seed=5, rate=0.1)
    assert len(traced._kept) == 2
    traced._kept.clear()


def test_a_layer_that_does_not_say_what_it_is_has_a_graph_of_its_own() -> None:
    traced._kept.clear()
    train("undescribed", factor=1.0)
    one, _ = train("undescribed", factor=5.0)
    traced._kept.clear()
    other, _ = train("undescribed", factor=5.0)
    assert one == other
    assert not traced._kept or len(traced._kept) == 1
    traced._kept.clear()


@pytest.mark.parametrize("function", ["dense", pytest.param("Described", marks=pytest.mark.slow)])
def test_it_goes_on_from_a_checkpoint_bit_for_bit(function: str, tmp_path: Path) -> None:
    unbroken, _ = train(function, seed=2)
    file = tmp_path / "checkpoint.npz"
    first, _ = train(function, seed=2, checkpoint=Checkpoint(file), pause=1)
    assert first == unbroken[:2]
    again, model = train(function, seed=2, checkpoint=Checkpoint(file))
    assert again == unbroken
    settings = TrainingConfig(epochs=3, batch_size=32, precision="float32")
    kept = finished(model, keras.optimizers.Adam(), load(DatasetConfig("digits", limit=120), 0), settings)
    kept.save(tmp_path / "kept.keras")
    images = np.zeros((2, *SHAPE), "uint8")
    loaded: Any = keras.models.load_model(tmp_path / "kept.keras")
    np.testing.assert_array_equal(loaded(images), model(images))


@pytest.mark.parametrize("how", [pytest.param("keras", marks=pytest.mark.slow), "tensorflow", "seeded"])
def test_a_layer_that_draws_without_a_seed_is_told_of_once_and_repeats_all_the_same(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    own._told.clear()
    traced._kept.clear()
    one, model = train("noisy", seed=3, how=how)
    train("noisy", seed=1, how=how)
    assert train("noisy", seed=3, how=how)[0] == one
    told = [record.getMessage() for record in caplog.records if "without a SeedGenerator" in record.getMessage()]
    assert len(told) == (how != "seeded")
    assert is_unseeded(model) is (how != "seeded")
    assert all("networks.noisy draws at random" in line and "in Noisy or beside" in line for line in told)
    traced._kept.clear()
