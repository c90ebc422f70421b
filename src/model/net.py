"""The words in which an architecture is written.

Each architecture is one function of a `Net`, and is read twice: by `geometry.ShapeNet`, which follows the
sizes alone, and by `layers.KerasNet`, which makes the Keras layers. So the sizes that are checked before a
model is built are those of the model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Net(ABC, Generic[T]):
    """Layers on a `T`: a Keras tensor, or the shape (height, width, channels) or (features,) of an image."""

    @abstractmethod
    def conv(
        self,
        x: T,
        name: str,
        filters: int,
        kernel: int,
        stride: int = 1,
        padding: str = "same",
        bias: bool = True,
        identity: bool = False,
    ) -> T:
        """Convolve with square kernels; `padding` is same or valid.

        With `identity` the first filters, as many as there are channels, pass each its channel on at first.
        """

    @abstractmethod
    def whiten(self, x: T, name: str, size: int) -> T:
        """Convolve with fixed kernels, twice as many as a patch has numbers, that are set from images."""

    @abstractmethod
    def pool(self, x: T, name: str, size: int, stride: int, padding: str = "valid", kind: str = "max") -> T:
        """Pool over square windows; `kind` is max or average."""

    @abstractmethod
    def dense(self, x: T, name: str, units: int, bias: bool = True) -> T:
        """Connect every feature with every unit."""

    @abstractmethod
    def normalize(self, x: T, name: str, bias_scale: float = 0.0) -> T:
        """Batch normalization over the channels.

        With a `bias_scale` there is no factor, and a step of SGD moves the term so many times as far.
        """

    @abstractmethod
    def relu(self, x: T, name: str) -> T:
        """Rectify."""

    @abstractmethod
    def gelu(self, x: T, name: str) -> T:
        """Rectify smoothly: x times the normal distribution's function of x."""

    @abstractmethod
    def scale(self, x: T, name: str, factor: float) -> T:
        """Multiply by a constant."""

    @abstractmethod
    def dropout(self, x: T, name: str, rate: float) -> T:
        """Drop single values, in training."""

    @abstractmethod
    def spatial_dropout(self, x: T, name: str, rate: float) -> T:
        """Drop whole feature maps, in training."""

    @abstractmethod
    def flatten(self, x: T, name: str) -> T:
        """Image to features."""

    @abstractmethod
    def global_average(self, x: T, name: str) -> T:
        """Image to one feature a channel, its mean."""

    @abstractmethod
    def global_max(self, x: T, name: str) -> T:
        """Image to one feature a channel, its highest value."""

    @abstractmethod
    def concatenate(self, branches: Sequence[T], name: str) -> T:
        """Join the channels of images of one size."""

    @abstractmethod
    def add(self, x: T, y: T, name: str) -> T:
        """Add two images of one shape."""
