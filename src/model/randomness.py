"""Layers of one's own that draw at random without a seed: what cannot be promised of a network that has one."""

from __future__ import annotations

import re
from weakref import WeakSet

import keras
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

# TensorFlow's operations whose state belongs to no layer, tf.random.normal's for one.
STATEFUL = re.compile(
    r"Random(?!Crop)|Multinomial|TruncatedNormal|ParameterizedTruncatedNormal|Stateful|RngReadAndSkip"
)
SAID = (
    "draws at random without a SeedGenerator of its own, in {layers} or beside: its trials are trained, but one that "
    "goes on after an interruption draws other numbers; give keras.random a seed=keras.random.SeedGenerator(...) that "
    "is an attribute of the layer"
)

_unseeded: WeakSet[keras.Model] = WeakSet()


def note(model: keras.Model) -> str | None:
    """Look whether a network draws what nobody can repeat; if so, return it in words, and remember it."""
    suspects = _of_ones_own(model)
    if not suspects or not _draws_unseeded(model):
        return None
    _unseeded.add(model)
    return SAID.format(layers=", ".join(dict.fromkeys(suspects)))


def is_unseeded(model: keras.Model) -> bool:
    """Whether `note` found that of a network, or of one inside of it."""
    return any(layer in _unseeded for layer in model._flatten_layers())


def _of_ones_own(model: keras.Model) -> list[str]:
    """Return the classes of layers that are not Keras's; Keras's own draw by seeds that they keep."""
    layers = [layer for layer in model._flatten_layers() if layer is not model]
    return [
        type(layer).__name__
        for layer in layers
        if isinstance(layer, keras.layers.Lambda) or type(layer).__module__.partition(".")[0] != "keras"
    ]


def _draws_unseeded(model: keras.Model) -> bool:
    """Trace a training step's forward pass, which computes nothing and changes nothing."""
    global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)
    try:
        if keras.backend.backend() != "tensorflow":
            model(keras.Input(model.input_shape[1:], dtype="float32"), training=True)
            return global_state.get_global_attribute(GLOBAL_SEED_GENERATOR) is not None
        import tensorflow as tf

        given = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
        graph = (
            tf.function(lambda images: model(images, training=True)).get_concrete_function(given).graph.as_graph_def()
        )
        kinds = {node.op for node in graph.node} | {n.op for inner in graph.library.function for n in inner.node_def}
        drawn = any(STATEFUL.match(kind) for kind in kinds)
        return drawn or global_state.get_global_attribute(GLOBAL_SEED_GENERATOR) is not None
    except Exception:  # what is wrong with it, its training says
        return False
    finally:
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)
