"""Data: sets of examples, pictures, what is done to them beforehand, and reading by the batch."""

from dnn_xp.data.datasets import (
    Dataset,
    load,
    load_arrays,
    load_cats,
    load_digits,
    load_picture_folder,
    split,
    with_classes,
)
from dnn_xp.data.examples import open_examples
from dnn_xp.data.images import read_picture
from dnn_xp.data.preprocessing import Preprocessing, apply, fit_preprocessing
from dnn_xp.data.sources import Source
from dnn_xp.data.table_files import TableFile, read_table_file, take_target
from dnn_xp.data.tables import TableEncoder
from dnn_xp.data.tasks import Task, decide_task
from dnn_xp.data.windows import WindowOrder

__all__ = [
    "Dataset",
    "Preprocessing",
    "Source",
    "TableEncoder",
    "TableFile",
    "Task",
    "WindowOrder",
    "apply",
    "decide_task",
    "fit_preprocessing",
    "load",
    "load_arrays",
    "load_cats",
    "load_digits",
    "load_picture_folder",
    "open_examples",
    "read_picture",
    "read_table_file",
    "split",
    "take_target",
    "with_classes",
]
