"""Models and checkpoints: trained networks, and runs to go on from, in files."""

from dnn_xp.models.checkpoints import (
    CheckpointError,
    CheckpointWarning,
    load_checkpoint,
    save_checkpoint,
)
from dnn_xp.models.h5 import Model, ModelFileError, load_model, save_model

__all__ = [
    "CheckpointError",
    "CheckpointWarning",
    "Model",
    "ModelFileError",
    "load_checkpoint",
    "load_model",
    "save_checkpoint",
    "save_model",
]
