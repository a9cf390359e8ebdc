"""Models and checkpoints: trained networks, and runs to go on from, in files."""

from dnn_xp.models.checkpoints import (
    CheckpointError,
    CheckpointWarning,
    load_checkpoint,
    save_checkpoint,
)
from dnn_xp.models.h5 import Model, ModelFileError, is_model_file, load_model, save_model

__all__ = [
    "CheckpointError",
    "CheckpointWarning",
    "Model",
    "ModelFileError",
    "is_model_file",
    "load_checkpoint",
    "load_model",
    "save_checkpoint",
    "save_model",
]
