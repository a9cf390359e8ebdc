"""Callbacks: what watches a run, keeps it, or ends it early."""

from dnn_xp.callbacks.checkpoint import Checkpoint
from dnn_xp.callbacks.early_stopping import EarlyStopping
from dnn_xp.callbacks.limits import Interruptible, TimeLimit
from dnn_xp.callbacks.logs import CSVLog, JSONLinesLog, LogWarning, TensorBoard
from dnn_xp.callbacks.progress_bar import ProgressBar
from dnn_xp.callbacks.run_folder import RunFolder, RunFolderWarning

__all__ = [
    "CSVLog",
    "Checkpoint",
    "EarlyStopping",
    "Interruptible",
    "JSONLinesLog",
    "LogWarning",
    "ProgressBar",
    "RunFolder",
    "RunFolderWarning",
    "TensorBoard",
    "TimeLimit",
]
