"""MLflow, and nobody else knows it: a run for each trial, a parent run for each study.

A trial writes its record to an *envelope* in the study's outbox; each process has a *courier*, a thread, who brings
envelopes to MLflow, and keeps trying while it cannot be reached.
"""

from src.tracking.courier import Courier, courier, waiting
from src.tracking.store import Store, is_outage, open_store, tracking_uri, unreachable
from src.tracking.study_run import StudyRun
from src.tracking.trial_run import TrialRun

__all__ = [
    "Courier",
    "Store",
    "StudyRun",
    "TrialRun",
    "courier",
    "is_outage",
    "open_store",
    "tracking_uri",
    "unreachable",
    "waiting",
]
