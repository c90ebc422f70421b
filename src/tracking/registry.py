"""MLflow's registry: models under a name, and the one of them that is to be used."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from src.tracking.held import CHAMPION
from src.tracking.store import MODEL_ID, Store, as_model_name

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True)
class Registered:
    """A model in the registry.

    Attributes:
        name: Under which it is registered.
        version: Its version.
        tags: What is known of it.
    """

    name: str
    version: str
    tags: Mapping[str, str]

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.version}"


def find_champion(store: Store, name: str) -> Registered | None:
    """Return the version that is to be used, None while there is none."""
    from mlflow.exceptions import MlflowException

    name = as_model_name(name)
    with contextlib.suppress(MlflowException):  # neither the name nor the alias exists
        return _registered(store.client.get_model_version_by_alias(name, CHAMPION))
    return None


def register(store: Store, name: str, run_id: str, description: str, tags: Mapping[str, str]) -> Registered:
    """Register the model of a run; return the version that it is, also when it was registered before.

    Raises:
        LookupError: The run has no model.
    """
    from mlflow.exceptions import MlflowException

    name, client = as_model_name(name), store.client
    model_id = client.get_run(run_id).data.tags.get(MODEL_ID)
    if model_id is None:
        raise LookupError(f"the run {run_id} has no model")
    with contextlib.suppress(MlflowException):
        client.create_registered_model(name)
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.run_id == run_id:
            client.update_model_version(name, version.version, description)
            for key, value in tags.items():
                client.set_model_version_tag(name, version.version, key, value)
            return Registered(name, str(version.version), dict(tags))
    return _registered(
        client.create_model_version(
            name, f"models:/{model_id}", run_id, dict(tags), description=description, model_id=model_id
        )
    )


def crown(store: Store, model: Registered) -> None:
    """Make a version the one that is to be used."""
    store.client.set_registered_model_alias(model.name, CHAMPION, model.version)


def _registered(version: "ModelVersion") -> Registered:
    return Registered(version.name, str(version.version), dict(version.tags))
