"""Pictures and words about a trial or a study; returns figures and text, and keeps nothing."""

from src.report.augmentation import augmentation_grid
from src.report.card import Card, model_card, table
from src.report.evaluation import altered_copies, mistakes, reliability_diagram, thumbnails
from src.report.explanation import explanations
from src.report.figures import confusion_matrix, learning_curves, objective_history, pareto_front
from src.report.leaderboard import Row, leaderboard, trials_table
from src.report.predictions import predictions_table
from src.report.rungs import rungs
from src.report.slices import slices
from src.report.words import classification_report, confused_in_words, summary

__all__ = [
    "Card",
    "Row",
    "altered_copies",
    "augmentation_grid",
    "classification_report",
    "confused_in_words",
    "confusion_matrix",
    "explanations",
    "leaderboard",
    "learning_curves",
    "mistakes",
    "model_card",
    "objective_history",
    "pareto_front",
    "predictions_table",
    "reliability_diagram",
    "rungs",
    "slices",
    "summary",
    "table",
    "thumbnails",
    "trials_table",
]
