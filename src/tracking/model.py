"""A model on the disk as MLflow has them: its weights, from who trained it, and the words around, from who delivers it.

So neither needs what the other has imported: MLflow here, Keras there.
"""

import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    from mlflow.entities import LoggedModel

DATA = "data"
PACKAGES = ("keras", "tensorflow", "numpy")  # that a model needs, beside MLflow


def save(model: "keras.Model", folder: Path) -> dict[str, Any]:
    """Save a model that takes uint8 images [N, H, W, C]; return what `describe` needs to know of it.

    Raises:
        OSError: The folder cannot be written to.
    """
    import keras

    shutil.rmtree(folder, ignore_errors=True)
    (folder / DATA).mkdir(parents=True)
    (folder / DATA / "keras_module.txt").write_text("keras")
    model.save(folder / DATA / "model.keras")
    return {
        "input": list(model.input_shape[1:]),
        "output": list(model.output_shape[1:]),
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


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
    described = Model(
        signature=ModelSignature(
            Schema([TensorSpec(np.dtype("uint8"), (-1, *saved["input"]))]),
            Schema([TensorSpec(np.dtype("float32"), (-1, *saved["output"]))]),
        )
    )
    described.add_flavor(
        "keras",
        data=DATA,
        keras_version=saved["packages"]["keras"],
        keras_backend=saved["backend"],
        save_exported_model=False,
    )
    pyfunc.add_to_model(described, loader_module="mlflow.keras", conda_env="conda.yaml", python_env="python_env.yaml")
    described.model_size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return described
