"""What a trial must keep to: `constraints`, a list of texts such as `parameters <= 200000`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from src.config.objective import METRICS, OWN_METRIC, check_own, direction, meant, objectives

_FORM = re.compile(r"\s*(\w+(?:\.\w+)*(?:\[.+\])?)\s*(<=|>=)\s*([-+.\w]+)\s*")


@dataclass(frozen=True)
class Constraint:
    """A metric and the bound that it must keep to; `sense` is <= or >=."""

    metric: str
    sense: str
    bound: float

    def violation(self, value: float) -> float:
        """Return by how much of the bound a value breaks it, 0 or less if it keeps to it.

        Relative, since samplers add the violations of different constraints up.
        """
        over = value - self.bound if self.sense == "<=" else self.bound - value
        return over / abs(self.bound) if self.bound else over

    def __str__(self) -> str:
        return f"{self.metric} {self.sense} {self.bound:g}"


def parse(text: str) -> Constraint:
    """Read a constraint.

    Raises:
        ValueError: It is none.
    """
    match = _FORM.fullmatch(str(text))
    if match is None or direction(match[1]) is None or not math.isfinite(float(match[3])):
        raise ValueError(text)
    return Constraint(match[1], match[2], float(match[3]))


def metrics(objective: Any, constraints: Sequence[str]) -> list[str]:
    """Return the metrics that the objectives and the constraints are about."""
    return [*objectives(objective), *(parse(text).metric for text in constraints)]


def check(constraints: list[str]) -> list[str]:
    """Return what is wrong with `constraints`."""
    problems = []
    for i, text in enumerate(constraints):
        try:
            problems += check_own(f"constraints[{i}]", parse(text).metric)
        except ValueError:
            match = _FORM.fullmatch(str(text))
            known = match is not None and direction(match[1]) is not None
            instead = f"{meant(match[1])} {match[2]} {match[3]}" if match and not known else "parameters <= 200000"
            problems.append(
                f"`constraints[{i}]` must be a metric, <= or >=, and a number, the metric one of "
                f"{', '.join(METRICS)}, or {OWN_METRIC}; got {text}; type e.g. 'constraints=[\"{instead}\"]'"
            )
    return problems
