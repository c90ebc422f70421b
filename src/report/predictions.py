"""What a model says of each image, as a table to look up and to relabel by."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from src.evaluation import Evaluation


def predictions_table(judged: "Evaluation", class_names: Sequence[str], files: Sequence[str] | None = None) -> str:
    """Write CSV with a line for each image: mistakes first, the surest at the top, then the others, the surest last.

    Args:
        judged: What the model says.
        class_names: The name of each class.
        files: The file of each image, where it has one.
    """
    wrong = judged.predicted != judged.true
    order = np.lexsort((np.where(wrong, -judged.confidence, judged.confidence), ~wrong))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*(["file"] if files is not None else []), "index", "true", "predicted", "confidence"])
    for i in order:
        name = [files[i]] if files is not None else []
        true, predicted = class_names[int(judged.true[i])], class_names[int(judged.predicted[i])]
        table.writerow([*name, int(i), true, predicted, f"{judged.confidence[i]:.4f}"])
    return text.getvalue()
