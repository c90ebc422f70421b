"""The formats that a model is exported to: how each is written, read back and asked."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.deployment.kept import PREPROCESSING, KeptModel
from src.model.own_code import folder_of, forgiving, load_model
from src.model.own_kept import own_kinds

if TYPE_CHECKING:
    import keras

Ask = Callable[[np.ndarray], np.ndarray]  # uint8 [N, H, W, C] -> float32 [N, classes]


@dataclass(frozen=True)
class Format:
    """How a model is written and asked.

    Attributes:
        file: What is written into the export's folder, a file or a folder.
        write: Writes the model there.
        open: Returns what answers for a model that was written, in the format's own runtime.
        needs: Packages that it needs and that are not always there.
        usage: How one asks it, in Python.
        in_float32: Whether its runtimes know no mixed precision.
        with_code: Whether it needs the code of layers of one's own.
    """

    file: str
    write: Callable[[KeptModel, "keras.Model", Path], None]
    open: Callable[[Path, KeptModel], Ask]
    needs: tuple[str, ...] = ()
    usage: str = ""
    in_float32: bool = False
    with_code: bool = False

    def lacks(self) -> list[str]:
        """Return the packages that are not installed."""
        return [name for name in self.needs if find_spec(name) is None]


def _write_keras(model: KeptModel, network: "keras.Model", file: Path) -> None:
    shutil.copyfile(model.file, file)


def _open_keras(file: Path, model: KeptModel) -> Ask:
    network: Any = load_model(file, folder_of(model.file))
    return lambda images: np.asarray(network.predict_on_batch(images))


def _write_saved_model(model: KeptModel, network: "keras.Model", folder: Path) -> None:
    network.export(folder, format="tf_saved_model", verbose=False, input_signature=_signature(network))
    extra = folder / "assets.extra"  # TensorFlow's place for what goes along
    extra.mkdir()
    (extra / PREPROCESSING).write_text(json.dumps(model.preprocessing.as_dict(), indent=2))


def _open_saved_model(folder: Path, model: KeptModel) -> Ask:
    import tensorflow as tf

    loaded: Any = tf.saved_model.load(str(folder))
    return lambda images: loaded.serve(tf.constant(images)).numpy()


def _write_onnx(model: KeptModel, network: "keras.Model", file: Path) -> None:
    import onnx  # pyright: ignore[reportMissingImports]

    network.export(file, format="onnx", verbose=False, input_signature=_signature(network))
    written = onnx.load(str(file))
    _without_erfc(written.graph)
    known = {
        "class_names": json.dumps(list(model.class_names)),
        "preprocessing": json.dumps(model.preprocessing.as_dict()),
    }
    onnx.helper.set_model_props(written, known)
    onnx.save(written, str(file))


def _without_erfc(graph: Any) -> None:
    """Write 1 - erf(x) for erfc(x), of which GELU is made: tf2onnx copies its name, and ONNX does not know it."""
    import onnx  # pyright: ignore[reportMissingImports]

    nodes = []
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        inner, one = f"{node.output[0]}/erf", f"{node.output[0]}/one"
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(1, np.float32), one))
        nodes.append(onnx.helper.make_node("Erf", node.input, [inner]))
        nodes.append(onnx.helper.make_node("Sub", [one, inner], node.output))
    del graph.node[:]
    graph.node.extend(nodes)


def _open_onnx(file: Path, model: KeptModel) -> Ask:
    import onnxruntime  # pyright: ignore[reportMissingImports]

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: np.asarray(session.run(None, {name: images})[0])


def _write_tflite(model: KeptModel, network: "keras.Model", file: Path) -> None:
    network.export(file, format="litert", verbose=False, input_signature=_signature(network))


def _open_tflite(file: Path, model: KeptModel) -> Ask:
    import warnings

    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is a package of its own for it as well
        interpreter: Any = tf.lite.Interpreter(str(file))  # pyright: ignore[reportAttributeAccessIssue]
    given, answer = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    last: list[tuple[int, ...]] = []

    def ask(images: np.ndarray) -> np.ndarray:
        if last != [images.shape]:
            interpreter.resize_tensor_input(given, images.shape)
            interpreter.allocate_tensors()
            last[:] = [images.shape]
        interpreter.set_tensor(given, images)
        interpreter.invoke()
        return interpreter.get_tensor(answer)

    return ask


def _signature(network: "keras.Model") -> list[Any]:
    """Return that of raw images: any number of them, uint8."""
    import keras

    return [keras.InputSpec(shape=tuple(network.input_shape), dtype="uint8", name="images")]


FORMATS = {
    "keras": Format(
        "model.keras",
        _write_keras,
        _open_keras,
        usage="keras.saving.load_model('model.keras', compile=False)(images)",
        with_code=True,
    ),
    "savedmodel": Format(
        "saved_model",
        _write_saved_model,
        _open_saved_model,
        usage="loaded = tf.saved_model.load('saved_model'); loaded.serve(images)",  # which needs it to be there
    ),
    "onnx": Format(
        "model.onnx",
        _write_onnx,
        _open_onnx,
        ("onnx", "tf2onnx", "onnxruntime"),
        "onnxruntime.InferenceSession('model.onnx').run(None, {'images': images})[0]",
        in_float32=True,
    ),
    "tflite": Format(
        "model.tflite",
        _write_tflite,
        _open_tflite,
        usage="tf.lite.Interpreter('model.tflite'), or ai_edge_litert's",
        in_float32=True,
    ),
}


def in_float32(network: "keras.Model") -> "keras.Model":
    """Return a network that computes in float32 with the same weights; runtimes elsewhere know no mixed precision."""
    import keras

    with forgiving(own_kinds(network)):
        config, changed = _unmixed(network.get_config())
        if not changed:
            return network
        copy: Any = type(network).from_config(config)
    copy.set_weights(network.get_weights())
    assert isinstance(copy, keras.Model)
    return copy


def is_mixed(network: "keras.Model") -> bool:
    """Whether some of it computes in half precision, which rounds otherwise where operations are fused."""
    with forgiving(own_kinds(network)):
        return _unmixed(network.get_config())[1]


def _unmixed(value: Any) -> tuple[Any, bool]:
    """Return a config without mixed precision, and whether there was any."""
    if isinstance(value, dict):
        if value.get("class_name") == "DTypePolicy" and str(value["config"]["name"]).startswith("mixed_"):
            return value | {"config": value["config"] | {"name": "float32"}}, True
        pairs = {key: _unmixed(item) for key, item in value.items()}
        return {key: item for key, (item, _) in pairs.items()}, any(changed for _, changed in pairs.values())
    if isinstance(value, list | tuple):
        items = [_unmixed(item) for item in value]
        return type(value)(item for item, _ in items), any(changed for _, changed in items)
    if isinstance(value, str) and value in ("mixed_bfloat16", "mixed_float16"):
        return "float32", True
    return value, False
