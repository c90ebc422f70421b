"""What is kept of a trial and of a study: their records for MLflow with numbers and pictures, and the disk that their
checkpoints take. Imports no TensorFlow.
"""

from src.recording.checkpoints import CHECKPOINT, bound_checkpoints
from src.recording.study_data import StudyData, await_data
from src.recording.study_report import best_metrics, exhibits
from src.recording.study_tracking import StudyTracking
from src.recording.system import system_metrics

__all__ = [
    "CHECKPOINT",
    "StudyData",
    "StudyTracking",
    "await_data",
    "best_metrics",
    "bound_checkpoints",
    "exhibits",
    "system_metrics",
]
