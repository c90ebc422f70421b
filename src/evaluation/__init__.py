"""Judging a trained model: names and numbers, nothing of any framework."""

from src.evaluation.calibration import Calibration, calibrate
from src.evaluation.confusion import (
    ClassScores,
    Confusion,
    count_confusions,
    most_confused,
    normalize_rows,
    score_classes,
)
from src.evaluation.ensemble import Ensemble, find_ensemble
from src.evaluation.evaluation import Evaluation, evaluate
from src.evaluation.occlusion import occlusion
from src.evaluation.prediction import both_ways, latency_ms, predict
from src.evaluation.robustness import GLANCE, IMAGES, Robustness, measure_robustness
from src.evaluation.temperature import fit_temperature, tempered

__all__ = [
    "GLANCE",
    "IMAGES",
    "Calibration",
    "ClassScores",
    "Confusion",
    "Ensemble",
    "Evaluation",
    "Robustness",
    "both_ways",
    "calibrate",
    "count_confusions",
    "evaluate",
    "find_ensemble",
    "fit_temperature",
    "latency_ms",
    "measure_robustness",
    "most_confused",
    "normalize_rows",
    "occlusion",
    "predict",
    "score_classes",
    "tempered",
]
