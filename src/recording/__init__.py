"""What is kept of a trial and of a study: their records for MLflow with numbers and pictures, the disk that their
checkpoints take, and those that may be members of an ensemble. Imports no TensorFlow.
"""

from src.recording.checkpoints import CHECKPOINT, FOLDS, bound_checkpoints, checkpoint_of, remove_checkpoints
from src.recording.members import EPOCHS, FIT, Member, is_member, keep_answers, keep_member, read_member
from src.recording.study_data import StudyData, await_data, check_unchanged
from src.recording.study_report import best_metrics, exhibits, spread_metrics
from src.recording.study_tracking import ABOVE, OUTBOX, StudyTracking, command, runs_of, study_run
from src.recording.system import system_metrics

__all__ = [
    "ABOVE", "CHECKPOINT", "EPOCHS", "FIT", "FOLDS", "OUTBOX", "Member", "StudyData", "StudyTracking", "await_data",
    "best_metrics", "bound_checkpoints", "check_unchanged", "checkpoint_of", "command", "exhibits", "is_member",
    "keep_answers", "keep_member", "read_member", "remove_checkpoints", "runs_of", "spread_metrics", "study_run",
    "system_metrics",
]  # fmt: skip
