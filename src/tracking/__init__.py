"""MLflow, and nobody else knows it: a run for each trial, a parent run for each study.

A trial writes its record to an *envelope* in the study's outbox. A *courier*, a thread, brings envelopes to MLflow, and
keeps trying while it cannot be reached: on this machine that of the sweep's driver, so that workers import no MLflow;
elsewhere each worker's own.
"""

from src.tracking.address import Address, find_problem_of_scheme, is_local_folder, local, tracking_uri
from src.tracking.asking import find_problem, may_not_write, unreachable
from src.tracking.courier import Courier, courier
from src.tracking.envelope import discard, is_served, waiting
from src.tracking.held import CHAMPION, FINAL, NOT_KEPT, Lookup, NotHere, Run, Version
from src.tracking.links import find_port, page
from src.tracking.lookup import look_up
from src.tracking.moved import follow
from src.tracking.registry import Registered, crown, find_champion, register
from src.tracking.store import NOTE, Refused, Store, is_outage, open_address, open_store
from src.tracking.study_run import StudyRun
from src.tracking.trial_run import TrialRun

__all__ = [
    "CHAMPION",
    "FINAL",
    "NOTE",
    "NOT_KEPT",
    "Address",
    "Courier",
    "Lookup",
    "NotHere",
    "Refused",
    "Registered",
    "Run",
    "Store",
    "StudyRun",
    "TrialRun",
    "Version",
    "courier",
    "crown",
    "discard",
    "find_champion",
    "find_port",
    "find_problem",
    "find_problem_of_scheme",
    "follow",
    "is_local_folder",
    "is_outage",
    "is_served",
    "local",
    "look_up",
    "may_not_write",
    "open_address",
    "open_store",
    "page",
    "register",
    "tracking_uri",
    "unreachable",
    "waiting",
]
