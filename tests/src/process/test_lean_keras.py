"""Keras does without packages that nobody here uses with it; whoever else asks for them gets them."""

import importlib.util
import sys

import pytest

from src.process.lean_keras import ASKING, LeanKeras


@pytest.mark.parametrize(("package", "modules"), ASKING.items())
def test_only_the_module_of_keras_that_can_do_without_a_package_is_told_that_there_is_none(
    package: str, modules: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked_by(name: str) -> object:
        names = {"__name__": name, "find": LeanKeras().find_spec, "package": package}
        return eval("find(package, None)", names)

    monkeypatch.setitem(sys.modules, "keras", object())
    with pytest.raises(ModuleNotFoundError):
        asked_by(f"{modules}any")
    for other in ("keras.src.models.model", "my_model", "mlflow", f"other.{modules}any"):
        assert asked_by(other) is None
    monkeypatch.delitem(sys.modules, "keras")
    assert asked_by(f"{modules}any") is None
    assert importlib.util.find_spec(package) is not None
