"""A model on the disk as MLflow has them: its weights, from who trained it, and the words around, from who delivers it.

So neither needs what the other has imported: MLflow here, Keras there.
"""

import hashlib
import json
import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    from mlflow.entities import LoggedModel

    from src.model.own_kept import Code

DATA = "data"
PREPROCESSING = "preprocessing.json"
PACKAGES = ("keras", "tensorflow", "numpy", "pillow", "simplejpeg")  # that a model needs, beside MLflow
# What answers for a served model, and what that imports, by the modules' names in the package that is made of them.
SOURCES = {
    "__init__": "tracking/served.py",
    "decode": "dataset/decode.py",
    "own_code": "model/own_code.py",
    "temperature": "evaluation/temperature.py",
}


def save(model: "keras.Model", folder: Path, beside: Mapping[str, str], code: "Code | None" = None) -> dict[str, Any]:
    """Save a model that takes uint8 images [N, H, W, C]; return what `describe` needs to know of it.

    Args:
        model: The model.
        folder: Where to.
        beside: The contents of other files, by name; with a preprocessing.json the model answers for image files.
        code: That of a network of one's own.

    Raises:
        OSError: The folder cannot be written to.
        NotKept: A network of one's own cannot be saved, or read back.
    """
    import keras

    from src.model import own_kept
    from src.model.own_code import CODE

    shutil.rmtree(folder, ignore_errors=True)
    (folder / DATA).mkdir(parents=True)
    (folder / DATA / "keras_module.txt").write_text("keras")
    own_kept.save(model, folder / DATA / "model.keras", code, folder)
    for name, text in beside.items():
        (folder / name).write_text(text)
    own = own_kept.read_code(folder)
    packages = [*PACKAGES, *(own.packages if own is not None else [])]
    loader = _write_loader(folder / CODE) if PREPROCESSING in beside else "mlflow.keras"
    return {
        "loader": loader,
        "input": list(model.input_shape[1:]),
        "output": list(model.output_shape[1:]),
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }


def _write_loader(folder: Path) -> str:
    """Write a package that answers for the model where this project is not; return its name.

    The name has a digest of the code, so that models of several versions can be loaded in one process.
    """
    root = Path(__file__).parents[1]
    sources = {name: (root / path).read_text() for name, path in SOURCES.items()}
    for name, path in SOURCES.items():
        module = "src." + path.removesuffix(".py").replace("/", ".")
        sources["__init__"] = sources["__init__"].replace(f"from {module} import", f"from .{name} import")
    package = f"convsweep_served_{hashlib.sha256(repr(sources).encode()).hexdigest()[:8]}"
    (folder / package).mkdir(parents=True)
    for name, text in sources.items():
        (folder / package / f"{name}.py").write_text(text)
    return package


def describe(folder: Path, saved: dict[str, Any], model: "LoggedModel", run_id: str) -> None:
    """Write the files by which MLflow knows a saved model, for one that it calls `model`, of the run.

    Args:
        folder: What `save` has written.
        saved: What it has returned; nothing for a model that was saved with these files.
    """
    from mlflow.models import Model

    file = folder / "MLmodel"
    described = Model.load(str(file)) if file.exists() else _description(folder, saved)
    described.model_id, described.model_uuid, described.run_id = model.model_id, model.model_id, run_id
    described.artifact_path = model.artifact_location
    described.save(str(file))


def _description(folder: Path, saved: dict[str, Any]) -> Any:
    import numpy as np
    import yaml
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    from src.model.own_code import CODE

    # Given by name: MLflow would import the model in a fresh process to find them, which takes 14 s.
    packages = {"mlflow": version("mlflow")} | saved["packages"]
    requirements = [f"{name}=={number}" for name, number in packages.items()]
    (folder / "requirements.txt").write_text("\n".join(requirements))
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={saved['python']}", "pip", {"pip": requirements}],
    }
    (folder / "conda.yaml").write_text(yaml.safe_dump(conda, sort_keys=False))
    python = {
        "python": saved["python"],
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
    (folder / "python_env.yaml").write_text(yaml.safe_dump(python, sort_keys=False))
    loader = saved.get("loader", "mlflow.keras")
    signature = ModelSignature(
        Schema([TensorSpec(np.dtype("uint8"), (-1, *saved["input"]))]),
        Schema([TensorSpec(np.dtype("float32"), (-1, *saved["output"]))]),
    )
    # With it MLflow would refuse image files before our loader sees them.
    described = Model(signature=signature) if loader == "mlflow.keras" else Model(metadata=_metadata(folder))
    described.add_flavor(
        "keras",
        data=DATA,
        keras_version=saved["packages"]["keras"],
        keras_backend=saved["backend"],
        save_exported_model=False,
    )
    code = CODE if loader != "mlflow.keras" else None
    pyfunc.add_to_model(
        described, loader_module=loader, code=code, conda_env="conda.yaml", python_env="python_env.yaml"
    )
    described.model_size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return described


def _metadata(folder: Path) -> dict[str, Any]:
    """Return what a reader of the model's page wants to know of its input and output."""
    how = json.loads((folder / PREPROCESSING).read_text())
    height, width = how["image_size"]
    return {
        "input": f"uint8 [N, {height}, {width}, {how['channels']}], or base64 of image files",
        "output": "class, confidence, probabilities",
        "class_names": how["class_names"],
    }
