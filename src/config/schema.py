"""The typed schema of a training run: a misspelt key or a wrong type fails while Hydra composes, and names the key."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from src.config.augmentation import AugmentationConfig
from src.config.evaluation import EvaluationConfig
from src.config.training import TrainingConfig

DEFAULT_EXPERIMENT = "convsweep"  # in MLflow, as conf/tracking has it


@dataclass
class TrackingConfig:
    # Name of the MLflow experiment; unless it is set, $MLFLOW_EXPERIMENT_NAME or $MLFLOW_EXPERIMENT_ID count.
    experiment: str | None = MISSING
    # Address of an MLflow server or database; null: $MLFLOW_TRACKING_URI, else ./mlflow.db with ./mlruns.
    uri: str | None = None
    # Seconds that the end of a sweep waits for a server that does not answer; what it has not got waits on the disk.
    patience: float = 10.0
    # Whether each epoch's share of the processors, memory and, if there is one, the GPU's memory are recorded, too.
    system_metrics: bool = False
    # The name under which `python -m src.finalize` registers the model in MLflow; null: the study's.
    register: str | None = None


@dataclass
class Config:
    # The groups' own schemas, one an option, are merged in by their YAML files.
    dataset: Any = MISSING
    model: Any = MISSING
    optimizer: dict[str, Any] = field(default_factory=dict)
    schedule: Any = MISSING
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    # The metric that the search is for, or a list of several for a Pareto front.
    objective: Any = MISSING
    # What a trial must keep to: "parameters <= 200000", "latency_ms <= 2". One that cannot is not trained.
    constraints: list[str] = field(default_factory=list)
    # Of the split into training and validation images and, outside a study, of the training.
    seed: int = MISSING
