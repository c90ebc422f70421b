"""Whether this process computes on a GPU."""


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU; of Keras's other backends it is not asked."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.config.get_visible_devices("GPU"))
