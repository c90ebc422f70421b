"""The levers of `python -m benchmarks.gpu` change the time that a fit takes, and no number that it gives."""

import itertools

import numpy as np
import pytest

from benchmarks.gpu import PLACES, _fit
from src import model, training
from src.config.dataset import DatasetConfig
from src.config.model import MLP
from src.dataset import load


@pytest.mark.slow
def test_a_network_is_fitted_alike_with_each_lever() -> None:
    data = load(DatasetConfig(name="digits", limit=300), 0)
    mlp = MLP(filters=8, depth=1, dropout=0.2, batch_norm=False, l1=0.0, l2=0.0, dense_units=16)
    trained = []
    for steps, place in itertools.product((1, 16), PLACES):
        training.prepare("float32", None)
        network = model.build(mlp, data.input_shape, len(data.class_names), 0, data.scale, data.offset)
        _fit(network, data, 32, steps, place, False, 1)
        trained.append(network.get_weights())
    for other in trained[1:]:
        assert all(np.array_equal(one, two) for one, two in zip(trained[0], other, strict=True))
