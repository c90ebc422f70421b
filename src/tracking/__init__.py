"""MLflow, and nobody else knows it: a run for each trial, a parent run for each study."""

from src.tracking.store import Store, open_store
from src.tracking.study_run import StudyRun
from src.tracking.trial_run import TrialRun

__all__ = ["Store", "StudyRun", "TrialRun", "open_store"]
