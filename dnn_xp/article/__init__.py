"""The article, function by function: ``from dnn_xp.article import *``, and its cells run.

Names, positional arguments and shapes are the article's; what it does not have is keyword-only.
Arrays are made on the current backend (see `dnn_xp.use_backend`), and everything else follows its
arguments. Where the article is wrong or unsafe, the functions say what they do instead:
`L_model_backward` names its gradients after what they are gradients of, `update_parameters` does
not overwrite, `sigmoid` and `compute_cost` do not overflow, `L_layer_model` starts where the
article's table starts, and `load_picture` scales a picture as in training.

Examples
--------
>>> import dnn_xp
>>> from dnn_xp.article import *
>>> with dnn_xp.use_backend("numpy"):
...     X, parameters = L_model_forward_test_case_2hidden()
...     AL, caches = L_model_forward(X, parameters)
>>> print("AL = " + str(AL))
AL = [[0.03921668 0.70498921 0.19734387 0.04728177]]
>>> print("Length of caches list = " + str(len(caches)))
Length of caches list = 3
"""

from dnn_xp.article.cases import (
    L_model_backward_test_case,
    L_model_forward_test_case,
    L_model_forward_test_case_2hidden,
    compute_cost_test_case,
    linear_activation_backward_test_case,
    linear_activation_forward_test_case,
    linear_backward_test_case,
    linear_forward_test_case,
    update_parameters_test_case,
)
from dnn_xp.article.models import (
    L_layer_model,
    load_data,
    load_picture,
    predict,
    print_mislabeled_images,
    two_layer_model,
)
from dnn_xp.article.steps import (
    L_model_backward,
    L_model_forward,
    back_relu,
    back_sigmoid,
    compute_cost,
    initialize_parameters,
    initialize_parameters_deep,
    linear_activation_backward,
    linear_activation_forward,
    linear_backward,
    linear_forward,
    print_grads,
    relu,
    sigmoid,
    update_parameters,
)

__all__ = [
    # Part 1
    "sigmoid",
    "back_sigmoid",
    "relu",
    "back_relu",
    "initialize_parameters",
    "initialize_parameters_deep",
    "linear_forward",
    "linear_activation_forward",
    "L_model_forward",
    "compute_cost",
    "linear_backward",
    "linear_activation_backward",
    "L_model_backward",
    "print_grads",
    "update_parameters",
    # Part 2
    "load_data",
    "two_layer_model",
    "L_layer_model",
    "predict",
    "print_mislabeled_images",
    "load_picture",
    # The seeded cases
    "linear_forward_test_case",
    "linear_activation_forward_test_case",
    "L_model_forward_test_case",
    "L_model_forward_test_case_2hidden",
    "compute_cost_test_case",
    "linear_backward_test_case",
    "linear_activation_backward_test_case",
    "L_model_backward_test_case",
    "update_parameters_test_case",
]
