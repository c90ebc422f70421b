"""A network of one's own: `model=custom model.build=my_package.my_module.function`, or an option file with `_target_`.

Its function gets `input_shape`, `classes` and whatever else stands under `model`.
"""

import difflib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from src.config.source import NotThere, signature

GIVEN = ("input_shape", "classes")  # what each such function gets
EXAMPLE = "model.build=my_package.my_module.my_function"


@dataclass(kw_only=True)
class Custom:
    """A function that returns a Keras model, by its dotted path, and what it is given beside `GIVEN`."""

    name: str = "custom"
    build: Any = None
    arguments: dict[str, Any] = field(default_factory=dict)
    key: str = "build"  # under which the path stands

    @classmethod
    def of(cls, group: dict[str, Any]) -> "Custom":
        """Read the group `model`, which no schema is for."""
        if "_target_" in group:
            path, arguments = group["_target_"], {key: value for key, value in group.items() if key != "_target_"}
            return cls(name=str(path).rpartition(".")[2], build=path, arguments=arguments, key="_target_")
        arguments = {key: value for key, value in group.items() if key not in ("name", "build")}
        return cls(name=str(group.get("name", "custom")), build=group.get("build"), arguments=arguments)

    @property
    def group(self) -> dict[str, Any]:
        """The group as it was read."""
        name = {"name": self.name} if self.key == "build" else {}
        return {**name, self.key: self.build, **self.arguments}


def register(store: ConfigStore) -> None:
    """Store the schema of `model=custom`, which takes any further key, for the defaults list of its file."""
    node = OmegaConf.create({"name": "custom", "build": None}, flags={"struct": False})
    store.store(group="schemas/model", name="custom", node=node)


def folder() -> Path:
    """Return the folder where the command was typed."""
    return Path(HydraConfig.get().runtime.cwd if HydraConfig.initialized() else os.getcwd())


def check(config: Custom) -> list[str]:
    """Return what is wrong, a line each, as far as it can be known without running the function's module."""
    key, path = f"model.{config.key}", config.build
    if not isinstance(path, str) or not all(part.isidentifier() for part in path.split(".")) or "." not in path:
        shown = "null" if path is None else path
        return [f"`{key}` must be a function that returns a Keras model, got {shown}; type e.g. {EXAMPLE}"]
    try:
        takes = signature(path, folder())
    except NotThere as error:
        instead = f"model.{config.key}={error.meant}" if error.meant else EXAMPLE
        return [f"`{key}` must be a function that returns a Keras model, got {path}: {error}; type e.g. {instead}"]
    if takes is None:
        return []
    problems = []
    if takes.returns is not None:
        function = path.rpartition(".")[2]
        problems.append(
            f"`{key}` must be a function that returns a Keras model, got {path}, which returns {takes.returns}; "
            f"end {function} with e.g. return model"
        )
    if not takes.any_other:
        lacking = [name for name in GIVEN if name not in takes.names]
        if lacking:
            problems.append(
                f"`{key}` must be a function of {' and '.join(GIVEN)}, got {path}({', '.join(takes.names)}); "
                f"type e.g. def {path.rpartition('.')[2]}({', '.join([*GIVEN, *config.arguments])}): in its file"
            )
        for name in config.arguments:
            if name not in takes.names:
                theirs = [other for other in takes.names if other not in GIVEN]
                close = difflib.get_close_matches(name, theirs, 1)
                problems.append(
                    f"`model.{name}` must be an argument of {path}, which has {', '.join(theirs) or 'no more'}; "
                    + (f"did you mean model.{close[0]}?" if close else f"leave it out, or type ~model.{name}")
                )
    for name in takes.required:
        if name not in GIVEN and name not in config.arguments:
            problems.append(f"`model.{name}` must be given: {path} has no default for it; type e.g. model.{name}=1")
    return problems
