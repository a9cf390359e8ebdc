"""Reports: figures of a run and of what a network has learnt."""

from dnn_xp.reports.figures import (
    learning_curve,
    learning_rate_curve,
    mislabeled_pictures,
    show,
)

__all__ = ["learning_curve", "learning_rate_curve", "mislabeled_pictures", "show"]
