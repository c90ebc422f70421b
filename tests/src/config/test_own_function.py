"""A function of one's own by its dotted path: what is known of it before its module is run."""

import sys
from pathlib import Path

import pytest

from src.config.own_function import OwnFunction
from src.config.source import NotThere

FILE = """
import heavy_and_absent

def loss(y_true, y_pred, gamma, *, alpha=1):
    return heavy_and_absent.sum(y_pred)

class Loss(heavy_and_absent.Loss):
    def __init__(self, gamma=2):
        pass

def alone(y_true):
    return y_true.sum()

def none(y_true, y_pred):
    print(y_true)
"""
GIVEN = ("y_true", "y_pred")


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "functions_of_mine.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)


def problems(name: str, **arguments: object) -> list[str]:
    own = OwnFunction.of({"_target_": f"functions_of_mine.{name}", **arguments})
    assert own is not None
    found = own.check("training.loss", GIVEN, "my_losses.my_loss")
    assert not {"functions_of_mine", "heavy_and_absent"} & set(sys.modules)
    return found


def test_a_path_or_a_mapping_names_one() -> None:
    assert OwnFunction.of("losses.poly") == OwnFunction("losses.poly")
    assert OwnFunction.of({"_target_": "losses.poly", "epsilon": 2}) == OwnFunction("losses.poly", {"epsilon": 2})
    for other in ("crossentropy", "losses.", "losses.poly()", None, 3, {"epsilon": 2}, ["losses.poly"]):
        assert OwnFunction.of(other) is None


def test_what_its_arguments_allow_is_taken() -> None:
    assert problems("loss", gamma=1) == problems("loss", gamma=1, alpha=2) == problems("Loss") == []
    assert problems("Loss", gamma=1) == []


def test_what_is_wrong_is_said_with_what_to_type() -> None:
    start = "`training.loss` must be a function of y_true and y_pred"
    assert problems("los", gamma=1) == [
        f"{start}, got functions_of_mine.los: functions_of_mine.py has no los, it has loss, Loss, alone, none; "
        "type e.g. training.loss=functions_of_mine.loss"
    ]
    assert problems("loss", gama=1) == [
        "`training.loss.gama` must be an argument of functions_of_mine.loss, which has gamma, alpha; "
        "did you mean training.loss.gamma?",
        "`training.loss` must give functions_of_mine.loss its gamma: there is no default; "
        "type e.g. 'training.loss={_target_: functions_of_mine.loss, gamma: 1}'",
    ]
    assert problems("alone") == [
        f"{start}, got functions_of_mine.alone(y_true); type e.g. def alone(y_true, y_pred): in its file"
    ]
    assert problems("none") == [f"{start} that returns numbers, got functions_of_mine.none, which returns nothing"]


def test_what_is_filled_in_by_name_need_not_be_given(tmp_path: Path) -> None:
    (tmp_path / "named_of_mine.py").write_text("def cost(y_true, y_pred, class_names):\n    return len(y_true)\n")
    own = OwnFunction("named_of_mine.cost")
    assert own.check("objective", GIVEN, "my_metrics.cost", ["class_names"]) == []
    assert "its class_names" in own.check("objective", GIVEN, "my_metrics.cost")[0]


def test_it_is_imported_from_where_the_command_was_typed(tmp_path: Path) -> None:
    (tmp_path / "loaded_of_mine.py").write_text("def cost(y_true, y_pred):\n    return 1\n")
    assert OwnFunction("loaded_of_mine.cost").load()(0, 0) == 1
    with pytest.raises(NotThere, match="has no function price"):
        OwnFunction("loaded_of_mine.price").load()
