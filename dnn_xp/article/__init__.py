"""The article, function by function: ``from dnn_xp.article import *``, and its cells run."""
