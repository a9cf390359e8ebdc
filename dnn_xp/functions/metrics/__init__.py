"""Metrics: how well a network does, computed where the arrays are.

Columns are examples: the predictions A and the targets Y are (n_outputs, m), and Y is brought to
A's side. A metric is ``metric(A, Y, *, weights=None)``: an example of weight 2 counts as two, one
of weight 0 not at all. It returns an array of shape () and A's dtype, float32 at least; nothing
leaves the device, and it can be traced. Of predictions or targets that hold NaN it is NaN, as it is
of no examples at all, and of weights that are negative, not finite or all 0. Where it is undefined
otherwise, as the precision of a class that is never predicted, it says here what it is. Its
attribute ``mode`` says whether it is better when larger ("max") or when
smaller ("min"): mark one of your own with `larger_is_better` or `smaller_is_better`.

What the outputs stand for is told by which metric is asked for, never guessed:

- one row: the probability of class 1, the *positive* one, of two;
- several rows: probabilities of as many classes, of which an example has exactly one;
- several groups of rows, each a choice between classes: `grouped_accuracy`;
- several rows that are independent labels: `multilabel_accuracy`, `multilabel_f1` and
  `hamming_loss`, or a metric of one row at a time, ``f1(A[2:3, :], Y[2:3, :])``;
- values: those of `regression`, which are means over outputs.
"""

from collections.abc import Callable

from dnn_xp.backends import Array
from dnn_xp.functions.metrics.classification import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    f1,
    grouped_accuracy,
    hamming_loss,
    multilabel_accuracy,
    multilabel_f1,
    one_hot,
    precision,
    recall,
)
from dnn_xp.functions.metrics.modes import larger_is_better, mode_of, smaller_is_better
from dnn_xp.functions.metrics.regression import (
    mean_absolute_error,
    r2,
    root_mean_squared_error,
)
from dnn_xp.functions.metrics.scores import log_loss, roc_auc, top_k_accuracy

__all__ = [
    "METRICS",
    "accuracy",
    "balanced_accuracy",
    "confusion_matrix",
    "f1",
    "grouped_accuracy",
    "hamming_loss",
    "larger_is_better",
    "log_loss",
    "mean_absolute_error",
    "mode_of",
    "multilabel_accuracy",
    "multilabel_f1",
    "one_hot",
    "precision",
    "r2",
    "recall",
    "roc_auc",
    "root_mean_squared_error",
    "smaller_is_better",
    "top_k_accuracy",
]

METRICS: dict[str, Callable[..., Array]] = {
    metric.__name__: metric
    for metric in (
        accuracy,
        multilabel_accuracy,
        multilabel_f1,
        hamming_loss,
        balanced_accuracy,
        precision,
        recall,
        f1,
        top_k_accuracy,
        roc_auc,
        log_loss,
        r2,
        mean_absolute_error,
        root_mean_squared_error,
    )
}
"""The metrics, by name. (`confusion_matrix`, which returns more than a number, is none, and
`grouped_accuracy`, which has to know the groups.)"""
