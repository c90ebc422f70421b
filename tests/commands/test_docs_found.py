"""The docs: a question's words stand in the heading that answers it, and the reference has every key and command."""

import dataclasses
import re

import pytest

from docs import reference
from src.console import COMMANDS
from tests.helpers.command import ROOT

HEADINGS_OF = {
    page.stem: [
        heading.lower()
        for heading in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M)
    ]
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
HEADINGS = [heading for page, headings in HEADINGS_OF.items() if page != "README" for heading in headings]


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


@pytest.mark.parametrize(
    ("question", "page"),
    [
        ("resume after a crash", "how-to"), ("use my own model", "how-to"), ("run on slurm", "how-to"),
        ("export to onnx", "how-to"), ("class weights", "how-to"), ("run on gpu", "how-to"), ("several gpus", "how-to"),
        ("early stopping", "how-to"), ("imbalanced classes", "how-to"), ("confusion matrix", "how-to"),
        ("k-fold cross-validation", "how-to"), ("serve model http", "how-to"), ("transfer learning imagenet", "how-to"),
        ("fine-tuning pretrained", "how-to"), ("data augmentation", "how-to"), ("checkpoints", "how-to"),
        ("parallel workers", "how-to"), ("random seed", "how-to"), ("reproduce run", "how-to"),
        ("compare two runs", "how-to"), ("migrate optuna sweeper", "migration"), ("migrate kerastuner", "how-to"),
        ("my own images", "how-to"), ("own images", "own-images"), ("own model", "own-model"), ("windows", "how-to"),
        ("macos", "how-to"), ("image size", "how-to"), ("learning rate schedule", "how-to"), ("overfitting", "how-to"),
        ("weight decay", "how-to"), ("debug error", "how-to"), ("delete study", "how-to"), ("disk space", "how-to"),
        ("importance hyperparameters", "how-to"), ("time budget", "how-to"), ("install", "README"),
    ],
)  # fmt: skip
def test_a_user_s_question_leads_to_a_page(question: str, page: str) -> None:
    assert [heading for heading in HEADINGS_OF[page] if all(word in heading for word in question.split())]


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
