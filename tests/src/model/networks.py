"""Networks of one's own, as a user would write them: some good, some not."""

from typing import Any

import keras
import numpy as np
from keras import layers


def dense(input_shape: tuple[int, ...], classes: int, units: int = 8) -> keras.Model:
    model: Any = keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(units, "relu")])
    model.add(layers.Dropout(0.4))
    model.add(layers.Dense(classes, "softmax"))
    model.compile(optimizer="sgd", loss="mse")
    return model


def normalized(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    inner = keras.Sequential([layers.Flatten(), layers.Dense(4), layers.BatchNormalization()])
    return keras.Sequential([keras.Input(input_shape), inner, layers.Dense(classes, "softmax")])


def nothing(input_shape: tuple[int, ...], classes: int) -> None:
    return None


def one_unit(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(1, "sigmoid")])


def logits(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(classes)])


def two_outputs(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    images = keras.Input(input_shape)
    flat: Any = layers.Flatten()(images)
    return keras.Model(images, [layers.Dense(classes)(flat), layers.Dense(classes)(flat)])


def other_images(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    return keras.Sequential([keras.Input((9, 9, 3)), layers.Flatten(), layers.Dense(classes, "softmax")])


@keras.saving.register_keras_serializable("tests")
class Described(keras.Model):
    """A model that is no graph of layers, and says how to make another."""

    def __init__(self, input_shape: tuple[int, ...], classes: int, units: int = 8, **more: Any) -> None:
        super().__init__(**more)
        self._given = {"input_shape": list(input_shape), "classes": classes, "units": units}
        self.flat, self.hidden = layers.Flatten(), layers.Dense(units, "relu")
        self.drop, self.out = layers.Dropout(0.4), layers.Dense(classes, "softmax")

    def call(self, images: Any, training: bool = False) -> Any:
        return self.out(self.drop(self.hidden(self.flat(images)), training=training))

    def get_config(self) -> dict[str, Any]:
        return {**self._given, "name": self.name}


class Undescribed(layers.Layer):
    def __init__(self, times: Any) -> None:
        super().__init__()
        self.times = times

    def call(self, features: Any) -> Any:
        return self.times(features)


def undescribed(input_shape: tuple[int, ...], classes: int, factor: float) -> keras.Model:
    layer: Any = Undescribed(lambda features: factor * features)
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layer, layers.Dense(classes, "softmax")])


class Noisy(layers.Layer):
    """Draws in one of the ways that there are: `keras`, `tensorflow`, or with a seed of its own (`seeded`)."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, features: Any, training: bool = False) -> Any:
        if not training:
            return features
        if self.how == "tensorflow":
            import tensorflow as tf

            return features + tf.random.normal(tf.shape(features))
        return features + keras.random.normal(
            keras.ops.shape(features), seed=self.seeds if self.how == "seeded" else None
        )

    def get_config(self) -> dict[str, Any]:
        return {"how": self.how}


def noisy(input_shape: tuple[int, ...], classes: int, how: str) -> keras.Model:
    layer: Any = Noisy(how)
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layer, layers.Dense(classes, "softmax")])


class OwnStep(keras.Sequential):
    """Trains in a way of its own."""

    def __init__(self, input_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(classes, "softmax")])

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)

    def compute_loss(self, *arguments: Any, **more: Any) -> Any:
        return super().compute_loss(*arguments, **more)


class Projected(layers.Layer):
    """Holds numbers that are neither weights nor in its config."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.matrix = np.random.normal(size=(input_shape[-1], 8)).astype("float32")

    def call(self, features: Any) -> Any:
        return keras.ops.matmul(features, self.matrix)


def projected(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), Projected(), layers.Dense(classes, "softmax")])


def in_lists(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    images = keras.Input(input_shape)
    flat: Any = layers.Flatten()(images)
    return keras.Model([images], [layers.Dense(classes, "softmax")(flat)])


def in_dictionaries(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    images = keras.Input(input_shape, name="pixels")
    flat: Any = layers.Flatten()(images)
    return keras.Model({"pixels": images}, {"kinds": layers.Dense(classes, "softmax")(flat)})


class Failing(keras.Model):
    def call(self, images: Any) -> Any:
        return layers.Reshape((7, 5))(images)


def failing(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    return Failing()


def with_settings(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    keras.utils.set_random_seed(42)
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_image_data_format("channels_first")
    keras.config.set_floatx("float16")
    return dense(input_shape, classes)
