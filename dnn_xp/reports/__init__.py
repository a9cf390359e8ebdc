"""Reports: pictures of a run and of what a network has learnt, and pages with all of it.

`report` returns a page on a run, a model, or several runs: one file to keep and to mail. Each other
function takes results, such as histories and arrays on the host, and returns a Matplotlib
figure, which shows itself in a notebook. ``figure.savefig("curve.pdf")`` keeps it: PNG, SVG or PDF,
with the same bytes for the same results.
"""

from dnn_xp.reports.boundary import decision_boundary
from dnn_xp.reports.calibration import reliability_diagram
from dnn_xp.reports.confusion import confusion_heatmap
from dnn_xp.reports.curves import learning_curve
from dnn_xp.reports.figures import save, show
from dnn_xp.reports.importances import importance_bars
from dnn_xp.reports.mistakes import mislabeled_pictures
from dnn_xp.reports.pages import Page, report
from dnn_xp.reports.range_tests import learning_rate_curve
from dnn_xp.reports.residuals import residual_plot
from dnn_xp.reports.saliency import saliency_pictures
from dnn_xp.reports.weights import weight_pictures

__all__ = [
    "Page",
    "confusion_heatmap",
    "decision_boundary",
    "importance_bars",
    "learning_curve",
    "learning_rate_curve",
    "mislabeled_pictures",
    "reliability_diagram",
    "report",
    "residual_plot",
    "saliency_pictures",
    "save",
    "show",
    "weight_pictures",
]
