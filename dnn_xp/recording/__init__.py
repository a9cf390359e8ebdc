"""Recordings: what a function does with arrays, as a list of operations.

A function that is written against the array API standard is run once on symbols, arrays without
values, which note what is done with them. What comes out is a `Program`: it runs on any library,
can be read, and be written down for others to run.
"""

from dnn_xp.recording.dtypes import dtype_name
from dnn_xp.recording.number import Number, RecordingError, Size
from dnn_xp.recording.program import (
    ArrayType,
    Operation,
    OperationCount,
    Program,
    Value,
    open_batch,
    record,
)
from dnn_xp.recording.symbol import Symbol, by_product, is_symbol

__all__ = [
    "ArrayType",
    "Number",
    "Operation",
    "OperationCount",
    "Program",
    "RecordingError",
    "Size",
    "Symbol",
    "Value",
    "by_product",
    "dtype_name",
    "is_symbol",
    "open_batch",
    "record",
]
