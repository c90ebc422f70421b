"""What a person reads of a model's answers."""

import io
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from src.deployment.answers import Answers
from src.deployment.gathering import Picture
from src.deployment.showing import show


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("columns", [80, 101, 160])
def test_long_names_leave_room_for_how_sure_it_is(columns: int, known: bool) -> None:
    names = [f"a class with a long name, number {i}" for i in range(4)]
    probabilities = np.array([[0.25, 0.5, 0.125, 0.125], [0.7, 0.1, 0.1, 0.1]], np.float32)
    pictures = [Picture(f"{'folder/' * 9}{i}.png", i if known else None) for i in range(2)]
    network: Any = None
    answers = Answers(pictures, probabilities, probabilities, names, {}, {}, network)
    text = io.StringIO()
    show(answers, 0.6, Console(file=text, width=columns))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= columns
    assert all(f" {sure} " in line for sure, line in zip(("sure", "0.50", "0.70"), lines, strict=False))
    assert "0.png" in lines[1]
