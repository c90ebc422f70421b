"""The typed schema of a training run: a misspelt key or a wrong type fails while Hydra composes, and names the key."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from src.config.augmentation import AugmentationConfig
from src.config.evaluation import EvaluationConfig


@dataclass
class TrainingConfig:
    epochs: int = MISSING
    batch_size: int = MISSING
    # Epochs without a better objective after which training ends; null: never.
    early_stopping: int | None = None
    # The share of a label that is spread over all classes; needs dataset.labels=onehot.
    label_smoothing: float = 0.0
    # float32, mixed_bfloat16, mixed_float16, or auto: mixed_bfloat16 where the processor computes in it.
    precision: str = MISSING
    # Threads that one operation may use; null: 1 in a study, where each core has a worker, else one a core.
    # Another number of threads rounds differently: 1 keeps a trial's result the same with any number of workers.
    threads: int | None = None
    # Megabytes that the checkpoints of a study's paused trials may take together; those of the least promising go
    # first, and such a trial starts again should its turn come after all.
    paused_mb: int = 2000


@dataclass
class TrackingConfig:
    # Name of the MLflow experiment.
    experiment: str = MISSING
    # Address of an MLflow server or database; null: $MLFLOW_TRACKING_URI, else ./mlflow.db with ./mlruns.
    uri: str | None = None
    # Seconds that the end of a sweep waits for a server that does not answer; what it has not got waits on the disk.
    patience: float = 10.0


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
