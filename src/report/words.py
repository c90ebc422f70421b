"""An evaluation in words: for the terminal and the trial's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from src.evaluation import ClassScores, Confusion, Evaluation, Robustness


def confused_in_words(pairs: Sequence[Confusion], class_names: Sequence[str]) -> list[str]:
    """Return a sentence for each pair of classes."""
    return [
        f'{pair.count} of {pair.support} "{class_names[pair.true]}" {"was" if pair.count == 1 else "were"} taken for '
        f'"{class_names[pair.predicted]}" ({pair.count / pair.support:.1%})'
        for pair in pairs
    ]


def classification_report(scores: ClassScores, class_names: Sequence[str], accuracy: float) -> str:
    """Return precision, recall, F1 and support by class as a table of text, as scikit-learn lays it out."""
    wide = max(12, *map(len, class_names))
    lines = [f"{'':>{wide}}  precision  recall      f1  support", ""]
    columns = zip(class_names, scores.precision, scores.recall, scores.f1, scores.support, strict=True)
    for name, precision, recall, f1, support in columns:
        lines.append(f"{name:>{wide}}  {precision:9.3f}  {recall:6.3f}  {f1:6.3f}  {support:7d}")
    macro = [scores.macro(column) for column in (scores.precision, scores.recall, scores.f1)]
    total = int(scores.support.sum())
    lines += ["", f"{'accuracy':>{wide}}  {'':9}  {'':6}  {accuracy:6.3f}  {total:7d}"]
    lines += [f"{'macro mean':>{wide}}  {macro[0]:9.3f}  {macro[1]:6.3f}  {macro[2]:6.3f}  {total:7d}"]
    return "\n".join(lines)


def summary(judged: Evaluation, robust: Robustness | None, class_names: Sequence[str], pairs: int = 5) -> str:
    """Return an evaluation in a few lines: its numbers, and the pairs of classes most confused."""
    numbers = judged.numbers
    lines = [
        f"accuracy {judged.accuracy:.4f} on {len(judged.true)} validation images: log loss {numbers['log_loss']:.4f}, "
        f"macro F1 {numbers['macro_f1']:.4f}, calibration error (ECE) {numbers['ece']:.4f}"
    ]
    if robust is not None:
        kinds = ", ".join(f"{kind} {accuracy:.3f}" for kind, accuracy in robust.accuracies.items())
        lines.append(f"robust   {robust.robust_accuracy:.4f} on altered copies: {kinds}")
    sentences = confused_in_words(judged.most_confused(pairs), class_names)
    lines += [f"{'confused' if i == 0 else '':8} {sentence}" for i, sentence in enumerate(sentences)]
    return "\n".join(lines)
