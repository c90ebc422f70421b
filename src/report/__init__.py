"""Pictures and words about a trial or a study; returns figures and text, and keeps nothing."""

from src.report.figures import confusion_matrix, learning_curves, objective_history, pareto_front
from src.report.leaderboard import leaderboard

__all__ = ["confusion_matrix", "leaderboard", "learning_curves", "objective_history", "pareto_front"]
