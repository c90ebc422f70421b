"""Networks that have seen ImageNet, by the names that `keras.applications` gives them. Nothing here imports Keras."""

from typing import NamedTuple

LITE = "efficientnet_lite0"  # the one that Keras does not have: src/model/efficientnet_lite.py


class Backbone(NamedTuple):
    """Where a network comes from, what it expects pixels from 0 to 255 to become, and its least image.

    Attributes:
        module: of `keras.applications`; ours has none.
        pixels: `raw` where the network itself sees to it, else a name of `src.model.backbones.PIXELS`.
        least: pixels a side.
    """

    module: str
    pixels: str
    least: int = 32


BACKBONES = {
    LITE: Backbone("", "lite"),
    **{f"ConvNeXt{size}": Backbone("convnext", "raw") for size in ("Tiny", "Small", "Base", "Large", "XLarge")},
    **{f"DenseNet{depth}": Backbone("densenet", "torch") for depth in (121, 169, 201)},
    **{f"EfficientNetB{number}": Backbone("efficientnet", "raw") for number in range(8)},
    **{f"EfficientNetV2{size}": Backbone("efficientnet_v2", "raw") for size in ("B0", "B1", "B2", "B3", "S", "M", "L")},
    "InceptionResNetV2": Backbone("inception_resnet_v2", "tf", 75),
    "InceptionV3": Backbone("inception_v3", "tf", 75),
    "MobileNet": Backbone("mobilenet", "tf"),
    "MobileNetV2": Backbone("mobilenet_v2", "tf"),
    **{f"MobileNetV3{size}": Backbone("mobilenet_v3", "raw") for size in ("Large", "Small")},
    **{f"NASNet{size}": Backbone("nasnet", "tf") for size in ("Large", "Mobile")},
    **{f"ResNet{depth}": Backbone("resnet", "caffe") for depth in (50, 101, 152)},
    **{f"ResNet{depth}V2": Backbone("resnet_v2", "tf") for depth in (50, 101, 152)},
    **{f"VGG{depth}": Backbone(f"vgg{depth}", "caffe") for depth in (16, 19)},
    "Xception": Backbone("xception", "tf", 71),
}
