"""The article's cells, run in its order on every library after ``from dnn_xp.article import *``.

What is typed here are the cells that *use* the functions; the article's imports of its own helper
modules are gone, and so are SciPy's functions that read its last picture, which SciPy dropped.
"""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import dnn_xp.article

PART_1 = """
parameters = initialize_parameters(3,2,1);
print("W1 = " + str(parameters["W1"]));
print("b1 = " + str(parameters["b1"]));
print("W2 = " + str(parameters["W2"]));
print("b2 = " + str(parameters["b2"]));

parameters = initialize_parameters_deep([5,4,3]);
print("W1 = " + str(parameters["W1"]));
print("b1 = " + str(parameters["b1"]));
print("W2 = " + str(parameters["W2"]));
print("b2 = " + str(parameters["b2"]));

A, W, b = linear_forward_test_case();
Z, linear_cache = linear_forward(A, W, b);
print("Z = " + str(Z));

A_prev, W, b = linear_activation_forward_test_case();
A, linear_activation_cache = linear_activation_forward(A_prev, W, b, activation = "sigmoid");
print("With sigmoid: A = " + str(A));
A, linear_activation_cache = linear_activation_forward(A_prev, W, b, activation = "relu");
print("With ReLU: A = " + str(A));

X, parameters = L_model_forward_test_case_2hidden();
AL, caches = L_model_forward(X, parameters);
print("AL = " + str(AL));
print("Length of caches list = " + str(len(caches)));

Y, AL = compute_cost_test_case();
print("cost = " + str(compute_cost(AL, Y)));

dZ, linear_cache = linear_backward_test_case();
dA_prev, dW, db = linear_backward(dZ, linear_cache);
print ("dA_prev = "+ str(dA_prev));
print ("dW = " + str(dW));
print ("db = " + str(db));

AL, linear_activation_cache = linear_activation_backward_test_case();

dA_prev, dW, db = linear_activation_backward(AL, linear_activation_cache, activation = "sigmoid");
print ("sigmoid:");
print ("dA_prev = "+ str(dA_prev));
print ("dW = " + str(dW));
print ("db = " + str(db) + "\\n");

dA_prev, dW, db = linear_activation_backward(AL, linear_activation_cache, activation = "relu");
print ("relu:");
print ("dA_prev = "+ str(dA_prev));
print ("dW = " + str(dW));
print ("db = " + str(db));

AL, Y_assess, caches = L_model_backward_test_case();
grads = L_model_backward(AL, Y_assess, caches);
print_grads(grads);

parameters, grads = update_parameters_test_case();
parameters = update_parameters(parameters, grads, 0.1);

print ("W1 = "+ str(parameters["W1"]));
print ("b1 = "+ str(parameters["b1"]));
print ("W2 = "+ str(parameters["W2"]));
print ("b2 = "+ str(parameters["b2"]));
"""

PRINTED_BY_NUMPY = """\
W1 = [[ 0.01624345 -0.00611756 -0.00528172]
 [-0.01072969  0.00865408 -0.02301539]]
b1 = [[0.]
 [0.]]
W2 = [[ 0.01744812 -0.00761207]]
b2 = [[0.]]
W1 = [[ 0.01788628  0.0043651   0.00096497 -0.01863493 -0.00277388]
 [-0.00354759 -0.00082741 -0.00627001 -0.00043818 -0.00477218]
 [-0.01313865  0.00884622  0.00881318  0.01709573  0.00050034]
 [-0.00404677 -0.0054536  -0.01546477  0.00982367 -0.01101068]]
b1 = [[0.]
 [0.]
 [0.]
 [0.]]
W2 = [[-0.01185047 -0.0020565   0.01486148  0.00236716]
 [-0.01023785 -0.00712993  0.00625245 -0.00160513]
 [-0.00768836 -0.00230031  0.00745056  0.01976111]]
b2 = [[0.]
 [0.]
 [0.]]
Z = [[ 3.26295337 -1.23429987]]
With sigmoid: A = [[0.96890023 0.11013289]]
With ReLU: A = [[3.43896131 0.        ]]
AL = [[0.03921668 0.70498921 0.19734387 0.04728177]]
Length of caches list = 3
cost = 0.41493159961539694
dA_prev = [[ 0.51822968 -0.19517421]
 [-0.40506361  0.15255393]
 [ 2.37496825 -0.89445391]]
dW = [[-0.10076895  1.40685096  1.64992505]]
db = [[0.50629448]]
sigmoid:
dA_prev = [[ 0.11017994  0.01105339]
 [ 0.09466817  0.00949723]
 [-0.05743092 -0.00576154]]
dW = [[ 0.10266786  0.09778551 -0.01968084]]
db = [[-0.05729622]]

relu:
dA_prev = [[ 0.44090989  0.        ]
 [ 0.37883606  0.        ]
 [-0.2298228   0.        ]]
dW = [[ 0.44513824  0.37371418 -0.10478989]]
db = [[-0.20837892]]
dW1 = [[0.41010002 0.07807203 0.13798444 0.10502167]
 [0.         0.         0.         0.        ]
 [0.05283652 0.01005865 0.01777766 0.0135308 ]]
db1 = [[-0.22007063]
 [ 0.        ]
 [-0.02835349]]
dA1 = [[ 0.12913162 -0.44014127]
 [-0.14175655  0.48317296]
 [ 0.01663708 -0.05670698]]
W1 = [[-0.59562069 -0.09991781 -2.14584584  1.82662008]
 [-1.76569676 -0.80627147  0.51115557 -1.18258802]
 [-1.0535704  -0.86128581  0.68284052  2.20374577]]
b1 = [[-0.04659241]
 [-1.28888275]
 [ 0.53405496]]
W2 = [[-0.55569196  0.0354055   1.32964895]]
b2 = [[-0.84610769]]
"""

PART_2 = """
train_x_orig, train_y, test_x_orig, test_y, classes = load_data();

index = 10;
plott.imshow(train_x_orig[index]);
print ("y = " + str(train_y[0,index]) + ". It's a "
       + classes[train_y[0,index]].decode("utf-8") + " picture.");

m_train = train_x_orig.shape[0];
num_px = train_x_orig.shape[1];
m_test = test_x_orig.shape[0];

print ("Number of training examples: " + str(m_train));
print ("Number of testing examples: " + str(m_test));
print ("Each image is of size: (" + str(num_px) + ", " + str(num_px) + ", 3)");
print ("train_x_orig shape: " + str(train_x_orig.shape));
print ("train_y shape: " + str(train_y.shape));
print ("test_x_orig shape: " + str(test_x_orig.shape));
print ("test_y shape: " + str(test_y.shape));

train_x_flatten = train_x_orig.reshape(train_x_orig.shape[0], -1).T;
test_x_flatten = test_x_orig.reshape(test_x_orig.shape[0], -1).T;

train_x = train_x_flatten / 255.;
test_x = test_x_flatten / 255.;

print ("train_x's shape: " + str(train_x.shape));
print ("test_x's shape: " + str(test_x.shape));

n_x = 12288;
n_h = 7;
n_y = 1;
layers_dims = (n_x, n_h, n_y);

parameters = two_layer_model(train_x, train_y, layers_dims = (n_x, n_h, n_y),
                             num_iterations = 2, print_cost = True);
predictions_train = predict(train_x, train_y, parameters);
predictions_test = predict(test_x, test_y, parameters);

layers_dims = [12288, 20, 7, 5, 1]

parameters = L_layer_model(train_x, train_y, layers_dims, num_iterations = 2, print_cost = True);
pred_train = predict(train_x, train_y, parameters);
pred_test = predict(test_x, test_y, parameters);
"""

PICTURES = """
print_mislabeled_images(classes, test_x, test_y, pred_test);

my_image = "1.png";
my_label_y = [1];

fname = "images/" + my_image;
my_image = load_picture(fname, num_px);
my_predicted_image = predict(my_image, my_label_y, parameters);

plott.imshow(my_image.reshape((num_px, num_px, 3)));
print ("y = " + str(float(my_predicted_image[0, 0])) + ", your L-layer model predicts a \\""
       + classes[int(my_predicted_image[0, 0])].decode("utf-8") + "\\" picture.");
"""

PRINTED_BY_PART_2 = """\
y = 0. It's a non-cat picture.
Number of training examples: 13
Number of testing examples: 6
Each image is of size: (64, 64, 3)
train_x_orig shape: (13, 64, 64, 3)
train_y shape: (1, 13)
test_x_orig shape: (6, 64, 64, 3)
test_y shape: (1, 6)
train_x's shape: (12288, 13)
test_x's shape: (12288, 6)
Cost after iteration 0: """


@pytest.fixture
def session():
    """Return the names of a session that begins as the article's does, with ours imported."""
    names = {"np": np}
    exec("from dnn_xp.article import *", names)
    return names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Go to a folder that holds pictures like those of the cats, with 1.png among them."""
    rng = np.random.default_rng(0)
    for part, m in (("train", 13), ("test", 6)):
        with h5py.File(tmp_path / f"{part}_catvnoncat.h5", "w") as file:
            file[f"{part}_set_x"] = rng.integers(0, 256, (m, 64, 64, 3), dtype=np.uint8)
            file[f"{part}_set_y"] = np.arange(m) % 2
            file["list_classes"] = np.asarray([b"non-cat", b"cat"])
    monkeypatch.setenv("DNN_XP_CAT_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_cells_of_part_1_run(session, xp):
    exec(PART_1, session)


def test_the_cells_of_part_1_print_what_the_article_prints(session, capsys):
    with dnn_xp.use_backend("numpy"):
        exec(PART_1, session)
    assert capsys.readouterr().out == PRINTED_BY_NUMPY


def test_the_cells_of_part_2_run(session, folder, xp, capsys):
    matplotlib = pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    (folder / "images").mkdir()
    image.fromarray(np.full((90, 70, 3), 200, dtype=np.uint8)).save(folder / "images" / "1.png")
    session["plott"] = pyplot
    try:
        exec(PART_2 + PICTURES, session)
    finally:
        pyplot.close("all")
    printed = capsys.readouterr().out
    assert printed.startswith(PRINTED_BY_PART_2)
    assert printed.count("Accuracy: ") == 5
    assert "your L-layer model predicts a" in printed.splitlines()[-1]


def test_the_networks_of_part_2_train_without_matplotlib(session, folder, xp, monkeypatch):
    monkeypatch.setattr("dnn_xp.article.models.find_spec", lambda name: None)
    exec("\n".join(line for line in PART_2.splitlines() if "plott" not in line), session)


# ----------------------------------------------------------------------------- the star


def test_the_star_brings_every_name_that_has_a_page_in_the_article():
    names = """
        sigmoid back_sigmoid relu back_relu initialize_parameters initialize_parameters_deep
        linear_forward linear_activation_forward L_model_forward compute_cost linear_backward
        linear_activation_backward L_model_backward update_parameters two_layer_model
        L_layer_model predict load_data print_mislabeled_images print_grads
        linear_forward_test_case linear_activation_forward_test_case L_model_forward_test_case
        L_model_forward_test_case_2hidden compute_cost_test_case linear_backward_test_case
        linear_activation_backward_test_case L_model_backward_test_case
        update_parameters_test_case
    """
    assert set(dnn_xp.article.__all__) == {*names.split(), "load_picture"}


def test_the_star_loads_nothing_optional():
    program = (
        "from dnn_xp.article import *\nimport sys\n"
        "print(sorted({'matplotlib', 'PIL', 'torch', 'jax', 'dask', 'sklearn'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"DNN_XP_BACKEND": "numpy", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
