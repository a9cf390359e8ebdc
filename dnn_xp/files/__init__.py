"""What is kept on the disk: data sets, pictures, models, checkpoints and logs."""

from dnn_xp.files.atomic import replacing
from dnn_xp.files.checkpoints import (
    Checkpoint,
    CheckpointError,
    CheckpointWarning,
    load_checkpoint,
    save_checkpoint,
)
from dnn_xp.files.datasets import (
    Dataset,
    load,
    load_arrays,
    load_cats,
    load_digits,
    load_picture_folder,
    split,
    with_classes,
)
from dnn_xp.files.examples import open_examples
from dnn_xp.files.h5 import Model, ModelFileError, load_model, save_model
from dnn_xp.files.images import read_picture
from dnn_xp.files.logs import CSVLog, JSONLinesLog, TensorBoard
from dnn_xp.files.preprocessing import Preprocessing, apply, fit_preprocessing

__all__ = [
    "CSVLog",
    "Checkpoint",
    "CheckpointError",
    "CheckpointWarning",
    "Dataset",
    "JSONLinesLog",
    "Model",
    "ModelFileError",
    "Preprocessing",
    "TensorBoard",
    "apply",
    "fit_preprocessing",
    "load",
    "load_arrays",
    "load_cats",
    "load_checkpoint",
    "load_digits",
    "load_model",
    "load_picture_folder",
    "open_examples",
    "read_picture",
    "replacing",
    "save_checkpoint",
    "save_model",
    "split",
    "with_classes",
]
