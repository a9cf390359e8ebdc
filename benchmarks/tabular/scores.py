"""What a prediction is worth: every score is better when it is less."""

from typing import Any

import numpy as np

BINS = 15


def of_classes(y: np.ndarray, probabilities: Any) -> dict[str, float]:
    """Return log-loss, error, 1 - AUC (one class against the rest) and calibration error."""
    from sklearn.metrics import log_loss, roc_auc_score

    p = np.clip(np.asarray(probabilities, dtype=float), 1e-7, 1.0)
    p /= p.sum(axis=1, keepdims=True)
    labels = np.arange(p.shape[1])
    if len(labels) == 2:
        auc = roc_auc_score(y, p[:, 1])
    else:
        auc = roc_auc_score(y, p, multi_class="ovr", labels=labels)
    return {
        "log_loss": float(log_loss(y, p, labels=labels)),
        "error": float(np.mean(p.argmax(axis=1) != y)),
        "one_minus_auc": float(1.0 - auc),
        "ece": calibration_error(y, p),
    }


def calibration_error(y: np.ndarray, p: np.ndarray) -> float:
    """Return how far the share of right answers is from the confidence, in 15 bins of that."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    gaps = np.bincount(bins, confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(y))


def of_values(y: np.ndarray, predicted: Any) -> dict[str, float]:
    """Return the root mean squared error, in standard deviations of the test's values."""
    errors = np.asarray(predicted, dtype=float).reshape(y.shape) - y
    return {"nrmse": float(np.sqrt(np.mean(errors**2)) / y.std())}


def of_intervals(y: np.ndarray, low: Any, high: Any) -> dict[str, float]:
    """Return how many values lie within, and how wide it is, in standard deviations of them."""
    low, high = (np.asarray(one, dtype=float).reshape(y.shape) for one in (low, high))
    inside = (low <= y) & (y <= high)
    return {"coverage": float(inside.mean()), "width": float(np.mean(high - low) / y.std())}
