"""Classifier: scikit-learn's MLPClassifier, on any array."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self, cast

from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from dnn_xp.backends import Array, Matrix, Scalar, Vector, namespace
from dnn_xp.estimators.base import MultilayerPerceptron, is_stochastic
from dnn_xp.estimators.class_weights import ClassWeight, weights_by_class
from dnn_xp.estimators.data import ArrayLike, HostArray, Targets, host_labels
from dnn_xp.estimators.multioutput import (
    MultioutputLabels,
    labels_of_classes,
    learn_labels,
    part_of_right,
)
from dnn_xp.functions.activations import log_sigmoid, log_softmax, sigmoid, softmax
from dnn_xp.functions.costs import CostSpec
from dnn_xp.functions.metrics import accuracy, grouped_accuracy, multilabel_accuracy

__all__ = ["MLPClassifier"]


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """Multilayer perceptron that tells classes apart: scikit-learn's, on any array.

    Targets of shape (m,) are of two classes or of many; those of shape (m, k) are k labels, 0 or
    1, that do not exclude each other, or k columns with classes of their own.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer.
    activation : str, (str, float), ActivationFunction or list
        Of the hidden layers: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"`` or another of
        `dnn_xp.functions.ACTIVATIONS`; with a parameter, ``("elu", 2.0)``; or a pair of functions
        of one's own. A list has one for each layer.
    solver : str or Optimizer
        ``"lbfgs"``, ``"sgd"``, ``"adam"``, ``"adamw"``, ``"nadam"``, ``"amsgrad"``,
        ``"rmsprop"``, ``"adagrad"``, ``"lion"``; or an optimizer of `dnn_xp.training`, with a
        learning rate and numbers of its own.
    alpha : float
        The L2 penalty ``alpha / 2 * sum(W**2)``, biases spared, is added to the summed loss of a
        batch. So it counts in scikit-learn: less, the larger the batch.
    batch_size : int or "auto"
        Examples in a step; ``"auto"`` is 200, or all if there are fewer. L-BFGS takes all.
    learning_rate : "constant", "invscaling", "adaptive" or callable
        What becomes of the initial rate of ``"sgd"``: it stays, falls as ``(t_ + 1) ** -power_t``,
        or is divided by 5 where training would stop. Or a function of the epoch that multiplies
        the rate of any solver but L-BFGS, such as a schedule of `dnn_xp.training`; it goes on
        over calls of `partial_fit`.
    learning_rate_init : float
        The initial rate.
    power_t : float
        The exponent of ``"invscaling"``.
    max_iter : int
        Epochs, or iterations of L-BFGS, at most.
    shuffle : bool
        Whether each epoch takes the examples in a new order.
    random_state : int, RandomState or None
        Of initial parameters, shuffles, dropout and the examples that are held out.
    tol : float
        What counts as an improvement. L-BFGS ends where no element of the gradient is larger.
    verbose : bool, int or "bar"
        Whether a line is printed after each epoch; ``"bar"`` shows a bar (needs dnn-xp[app]).
    warm_start : bool
        Whether `fit` goes on from the parameters that there are; L-BFGS also from its curvature.
    momentum : float
        Of ``"sgd"``.
    nesterovs_momentum : bool
        Whether it is Nesterov's.
    early_stopping : bool
        Whether a score on held-out examples, or on those given to `fit`, decides when training
        ends and which epoch's parameters are kept.
    validation_fraction : float
        The part that is held out.
    beta_1, beta_2, epsilon : float
        Numbers of ``"adam"`` and its kin.
    n_iter_no_change : int
        Training ends after more epochs than that without an improvement.
    max_fun : int
        Evaluations of the loss by L-BFGS, at most.
    dropout : float or list of float
        The part of the hidden units that each example misses in training; of each layer, in a list.
    batch_norm, layer_norm : bool
        Whether hidden layers are normalized before their activation.
    l1 : float
        L1 penalty; it counts as `alpha` does.
    max_norm : float, optional
        The largest norm that the weights into a unit may have.
    clip_norm : float, optional
        The largest norm that a gradient may have.
    weight_decay : float
        Decoupled decay of ``"adamw"`` and ``"lion"``.
    scoring : str, callable or None
        The score of validation data, the better the greater: a name of scikit-learn's,
        ``scoring(estimator, X, y)``, or ``"loss"``. Whatever X is, a scorer is handed all on the
        host, of a data frame its rows, and weights where it takes ``sample_weight``. Without one,
        the score is measured where X is. Default: accuracy.
    callbacks : list of Callback
        Of dnn_xp, called after steps and epochs. scikit-learn's are given to `set_callbacks`. A
        log whose file is there already writes one beside it, ``log-2.csv``, and says so: a search
        or a cross-validation has many fits.
    checkpoint : path or Checkpoint, optional
        The folder where `fit` writes down what it needs to go on, a file for each data set and
        each choice of parameters: so those of a search or of a cross-validation stay apart. A fit
        that was killed and is called again ends with the very bits of one that was not; it needs
        a whole number as `random_state`.
    fitted_as_numpy : bool
        Whether ``coefs_`` and ``intercepts_`` are NumPy's whatever X is; any array can then be
        predicted.
    class_weight : dict, "balanced", list or None
        Weights of examples by their class, which count over the whole data; in a list by each
        column of y. They are multiplied with ``sample_weight``.
    label_smoothing : float
        The part of each target that is spread evenly over the classes.

    Attributes
    ----------
    classes_ : array, or list of array
        Sorted; where columns have their own, a list.
    coefs_ : list of array, shape (n_inputs, n_units)
        Weights of each layer, in X's library and on its device. They may be set.
    intercepts_ : list of array, shape (n_units,)
        Biases of each layer.
    norms_ : list of dict of str to array
        ``gamma`` and ``beta`` of each normalizing layer, and running statistics.
    loss_ : float
        The last loss, penalties included.
    best_loss_ : float or None
        The lowest; None with early stopping.
    loss_curve_ : list of float
        The loss in each epoch, also of L-BFGS.
    validation_scores_, validation_loss_curve_ : list of float
        Score and loss after each epoch, where there are validation data.
    best_validation_score_ : float or None
        The highest score.
    n_iter_ : int
        Epochs, or iterations, of the last fit.
    t_ : int
        Examples seen in all.
    n_layers_, n_outputs_, n_features_in_ : int
        Layers with that of the inputs; outputs of the last; features.
    feature_names_in_ : ndarray of str
        Where X has names.
    out_activation_ : str
        ``"softmax"`` or ``"logistic"``.
    network_ : Network
        The same in dnn_xp's words, and
    theta_ : array
        its parameters as one vector: ``network_.predict(theta_, X.T)``.

    Notes
    -----
    With the same arguments and ``random_state``, losses and predictions are scikit-learn's within
    rounding: initial parameters, shuffles and splits draw the same numbers.

    But where outputs saturate, as on features that are not scaled, the loss here is exact, and
    scikit-learn's is not: it clips probabilities at 2.2e-16 in the loss, but not in its gradient.
    So it reports a lower loss, and its L-BFGS, whose line search is shown a flat loss beside a
    steep gradient, moves otherwise or gives up.

    X may be of any library, with ``sklearn.set_config(array_api_dispatch=True)``; sparse matrices
    of SciPy are read batch by batch. All of the fit happens where X is. Arrays on Dask are let
    through without that; there ``coefs_`` are of the blocks' library.

    ``sample_weight`` counts within each batch, as in scikit-learn; ``class_weight`` does not, for
    in a batch of one class it would cancel.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from dnn_xp.estimators import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier((8,), solver="lbfgs", alpha=0.1, max_iter=500, random_state=0)
    >>> clf = clf.fit(X, y)
    >>> bool(clf.score(X, y) > 0.95)
    True
    >>> clf.predict(X[:3])
    array([0, 0, 0])
    >>> clf.input_gradient(X[:3]).shape
    (3, 4)
    """

    _: KW_ONLY
    class_weight: ClassWeight | list[ClassWeight] = None
    label_smoothing: float = 0.0

    loss = "log_loss"
    _numeric_targets = False

    # ------------------------------------------------------------------ targets

    def _encode(self, y: Targets, like: Array | None, *, incremental: bool) -> HostArray:
        if not hasattr(self, "_labels") or not (self.warm_start or incremental):
            self._labels = learn_labels(y, like)
            self.classes_ = self._labels.classes
        elif self.warm_start and len([*self._labels.unknown(y), *self._labels.missing(y)]):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {self._labels.distinct(y)}"
            )
        return self._encode_known(y)

    def _encode_known(self, y: Targets) -> HostArray:
        if len(self._labels.unknown(y)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {self._labels.distinct(y)}."
            )
        return self._labels.encode(y)

    def _decode(self, A: Matrix) -> Array:
        return self._labels.decode(A)

    def _find_cost(self, n_outputs: int) -> CostSpec:
        if self._labels.kind == MultioutputLabels.kind:
            return cast(CostSpec, ("grouped_softmax_cross_entropy", *self._sizes()))
        return f"{'softmax' if self._exclusive() else 'sigmoid'}_cross_entropy"

    def _exclusive(self) -> bool:
        """Return whether an output stands for a class of which an example has one."""
        return self._labels.kind.startswith("multiclass")

    def _sizes(self) -> tuple[int, ...]:
        """Return how many outputs decide in each choice."""
        return tuple(rows.stop - rows.start for rows, _ in self._labels.choices)

    def _out_activation(self) -> str:
        return "softmax" if self._exclusive() else "logistic"

    def _measure(self, A: Matrix, Y: Matrix, weights: Vector | None) -> Scalar:
        kind = self._labels.kind
        if kind == MultioutputLabels.kind:
            return grouped_accuracy(A, Y, self._sizes(), weights=weights)
        several = kind.startswith("multilabel")
        return (multilabel_accuracy if several else accuracy)(A, Y, weights=weights)

    def _class_weights(self, Y: HostArray) -> HostArray | None:
        return weights_by_class(self.class_weight, self._labels, Y)

    # ------------------------------------------------------------------ what a user calls

    @available_if(is_stochastic)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike = None,
        classes: ArrayLike = None,
    ) -> Self:
        """Go through data once, from where the last call ended.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        classes : array-like, or list of array-like, optional
            All labels that will ever be seen; needed in the first call, unless y has a column of 0
            and 1 for each label. A list with those of each column, where each has its own.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where the classes are not those of the first call, a parameter means something only
            to `fit`, or anything does not fit as in `fit`.
        """
        classes = host_labels(classes)
        if not hasattr(self, "_labels"):
            self._labels = labels_of_classes(classes, host_labels(y))
            self.classes_ = self._labels.classes
        elif classes is not None and not self._labels.are(classes):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        self._partial_fit(X, y, sample_weight)
        return self

    def predict_proba(self, X: ArrayLike) -> Array | list[Array]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m, n_classes), or list of array
            In the order of ``classes_``; of labels that do not exclude each other, one by one; a
            list with one array for each column of targets that has classes of its own.
        """
        return self._by_choice(self._logits(X, "predict_proba"), _probabilities)

    def predict_log_proba(self, X: ArrayLike) -> Array | list[Array]:
        """Predict the logarithm of each class's probability, finite where that rounds to 0.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)

        Returns
        -------
        array, shape (m, n_classes), or list of array
            As from `predict_proba`.
        """
        return self._by_choice(self._logits(X, "predict_log_proba"), _log_probabilities)

    def _by_choice(
        self, Z: Matrix, function: Callable[[Matrix, bool], Matrix]
    ) -> Array | list[Array]:
        """Return a function of the logits, one class a column; of each choice, where several."""
        transposed, exclusive = namespace(Z).matrix_transpose, self._exclusive()
        if self._labels.kind != MultioutputLabels.kind:
            return transposed(function(Z, exclusive))
        return [transposed(function(Z[rows, :], exclusive)) for rows, _ in self._labels.choices]

    def _logit_gradient(self, Z: Matrix, output: Any) -> Matrix:
        return self._labels.logit_gradient(Z, output)

    def input_gradient(self, X: ArrayLike, output: Any = None) -> Matrix:
        """Return the derivative of a class's score with respect to each feature (a saliency map).

        The score is the logit: what softmax or the logistic function makes a probability of. Of
        two classes, that of the first is minus that of the second.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        output : label, or (int, label), optional
            One of ``classes_``; a column and one of its classes, where each column has its own.
            Default, where there is one choice: the class that is predicted for each example.

        Returns
        -------
        array, shape (m, n_features)

        Raises
        ------
        ValueError
            Where the output is none of the classes, or X does not fit as in `predict`.
        """
        return self._input_gradient(X, output)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike = None) -> float:
        """Return the part of the examples whose class, or classes, or labels, are all predicted.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (m, n_features)
        y : array-like, shape (m,) or (m, n_outputs)
        sample_weight : array-like of shape (m,), optional
        """
        y, predicted, weights = map(host_labels, (y, self.predict(X), sample_weight))
        return part_of_right(self._labels, y, predicted, weights)

    def __sklearn_tags__(self) -> Any:
        """Return what it can take: also targets with several labels, or classes."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags


def _probabilities(Z: Matrix, exclusive: bool) -> Matrix:
    """Return the probability of each class, shape (n_classes, m)."""
    return softmax(Z) if exclusive else sigmoid(_of_each_class(Z))


def _log_probabilities(Z: Matrix, exclusive: bool) -> Matrix:
    """Return the logarithm of the probability of each class, shape (n_classes, m)."""
    xp, A = namespace(Z), _probabilities(Z, exclusive)
    logarithm = log_softmax(Z) if exclusive else log_sigmoid(_of_each_class(Z))
    # The logarithm of what `_probabilities` returns, so that the two have the same order.
    smallest = float(xp.finfo(A.dtype).smallest_normal)
    rounded = xp.log(xp.maximum(A, smallest))
    return xp.where(smallest < A, rounded, logarithm)


def _of_each_class(Z: Matrix) -> Matrix:
    """Return logits with one row a class: two, where one row tells two classes apart.

    1 - sigmoid(Z) is sigmoid(-Z), and exact also where it is small.
    """
    return Z if Z.shape[0] > 1 else namespace(Z).concat([-Z, Z])
