"""The docs: a question's words stand in the heading that answers it, and the reference has every key and command."""

import dataclasses
import re

import pytest

from docs import reference
from src.console import COMMANDS
from tests.helpers.command import ROOT

HEADINGS = [
    heading.lower()
    for page in sorted((ROOT / "docs").glob("*.md"))
    for heading in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M)
]


@pytest.mark.parametrize(
    "words",
    [
        "resume after a crash",
        "use my own model",
        "use my own images",
        "run on slurm",
        "class weights",
        "imbalanced",
        "gpu",
        "early stopping",
        "parallel",
        "checkpoint",
        "learning rate schedule",
        "mixed precision",
        "time budget",
        "multi-objective",
        "constraint",
        "random seed",
        "warm start",
        "out of memory",
        "conditional",
        "test set",
        "mlflow server",
        "load the best model",
        "confusion matrix",
        "data augmentation",
        "grid search",
        "dry run",
        "postgresql",
        "tab completion",
        "pytorch",
    ],
)
def test_a_question_is_found_in_a_heading(words: str) -> None:
    assert [heading for heading in HEADINGS if words in heading]


def test_the_reference_is_what_the_code_has() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.text(), "type python -m docs.reference"


def test_the_reference_says_what_each_key_is() -> None:
    page = reference.PAGE.read_text(encoding="utf-8")
    for group, schemas in reference.schemas().items():
        assert all(f"`{group}.{key.name}` |" in page for schema in schemas for key in reference.keys(schema))
    empty = re.findall(r"^\| `([\w./=]+)` (?:\|[^|\n]*)*\|\s*\|$", page, re.M)
    assert empty == [], "a comment above the field says it"
    for name in dataclasses.fields(reference.ConvsweepConf):
        assert name.name.startswith("_") or name.name == "defaults" or f"`hydra.sweeper.{name.name}`" in page
    for name, folder in reference.groups():
        assert all(f"`{name}={option}`" in page for option in reference.options(folder))
    assert all(f"### {name}\n" in page for name in COMMANDS)


def test_the_index_leads_to_every_page() -> None:
    text = (ROOT / "docs/index.md").read_text()
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"({path.name}" not in text] == ["index.md"]
