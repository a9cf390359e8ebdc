"""The array libraries: choose one, find its device, move arrays, run a step.

This is the only package that names an array library. Everything else takes its namespace from
the arrays that it is given; the choice made here matters only where arrays are *made*.
"""

from dnn_xp.backends.choosing import (
    BACKENDS,
    Backend,
    BackendError,
    BackendNotInstalledError,
    DeviceNotFoundError,
    UnknownBackendError,
    current_backend,
    open_backend,
    require,
    use_backend,
)
from dnn_xp.backends.moving import (
    Array,
    bring,
    default_dtype,
    device,
    double_precision,
    dtype_name,
    empty_array,
    from_host,
    namespace,
    to_host,
)
from dnn_xp.backends.probing import BackendReport, probe_backends
from dnn_xp.backends.running import (
    ExampleRows,
    as_example_rows,
    cache_blocks,
    column_maxima,
    column_sums,
    compile_step,
    computed,
    has_fixed_shapes,
    has_views,
    product,
    row_sums,
    set_at,
    take_examples,
)
from dnn_xp.backends.threads import threads_for

__all__ = [
    "BACKENDS",
    "Array",
    "Backend",
    "BackendError",
    "BackendNotInstalledError",
    "BackendReport",
    "ExampleRows",
    "DeviceNotFoundError",
    "UnknownBackendError",
    "bring",
    "as_example_rows",
    "cache_blocks",
    "column_maxima",
    "column_sums",
    "compile_step",
    "computed",
    "current_backend",
    "default_dtype",
    "device",
    "double_precision",
    "dtype_name",
    "empty_array",
    "from_host",
    "has_fixed_shapes",
    "has_views",
    "namespace",
    "open_backend",
    "probe_backends",
    "product",
    "require",
    "row_sums",
    "set_at",
    "take_examples",
    "threads_for",
    "to_host",
    "use_backend",
]
