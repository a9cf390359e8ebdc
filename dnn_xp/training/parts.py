"""Steps of which each process of a group takes a part: of the gradient, not of the update."""

from collections.abc import Callable
from functools import partial
from typing import Any

from dnn_xp.backends import (
    Array,
    Group,
    asarray_like,
    compile_step,
    computes_lazily,
    has_fixed_shapes,
    namespace,
)
from dnn_xp.data.sources import Source, read_examples, reference_array
from dnn_xp.data.windows import part_unit
from dnn_xp.network.layout import Workspace
from dnn_xp.training.agreement import Agreement, agreement_over
from dnn_xp.training.batches import all_places, filled_up
from dnn_xp.training.gram import for_examples_from
from dnn_xp.training.run import GradientRun
from dnn_xp.training.settings import Settings
from dnn_xp.training.step import (
    Batch,
    Data,
    State,
    StepConfig,
    StepScalars,
    TakeStep,
    apply_update,
    batch_gradient,
    check_parts,
    from_vector,
    prepare_batch,
    to_vector,
)

__all__ = ["begin_run", "check_shared", "group_step", "part_of", "runs_of"]

Cut = Callable[[Data, Batch], tuple[Data, Batch]]
"""What a process reads of a batch, and its part of it."""


def begin_run(prepare: Callable[..., GradientRun], group: Any) -> GradientRun:
    """Return a run over a group, of which all processes have prepared the same.

    Parameters
    ----------
    prepare : callable
        `dnn_xp.training.loop.prepare_run`, but for how steps are taken.
    group : Group, communicator of mpi4py, process group of torch, or None

    Raises
    ------
    DisagreementError
        Where the processes were told different things.
    """
    agreement = agreement_over(group)
    if agreement is None:
        return prepare()
    return agreement.begin(partial(prepare, make_step=partial(group_step, agreement)))


def check_shared(X: Array | Source) -> None:
    """Refuse data that processes with a replica each cannot share.

    Raises
    ------
    ValueError
        Where it is an array of Dask.
    """
    if computes_lazily(reference_array(X)):
        raise ValueError(
            "group: found with an array of Dask, whose scheduler shares out the work itself; leave "
            "out one of them"
        )


def part_of(indices: Array, rank: int, size: int) -> Array:
    """Return which examples of a batch one of several processes reads: as many, but for one.

    Parameters
    ----------
    indices : array of integers, shape (b,)
        Of the whole batch.
    rank, size : int
    """
    b = indices.shape[0]
    return indices[b * rank // size : b * (rank + 1) // size]


def runs_of(n_examples: int, at_once: int, group: Group | None) -> list[slice]:
    """Return which of all examples a process reads, so many at a time.

    Parameters
    ----------
    n_examples, at_once : int
    group : Group, optional
        Default: they are all read here.
    """
    rank, size = (0, 1) if group is None else (group.rank, group.size)
    first, last = n_examples * rank // size, n_examples * (rank + 1) // size
    return [slice(at, min(at + at_once, last)) for at in range(first, last, at_once)]


def group_step(
    agreement: Agreement, config: StepConfig, data: Data, settings: Settings
) -> TakeStep:
    """Return how a process of a group takes a step: its part of the gradient, the sum, the update.

    A wish for the end of the run rides along, so that all end it before the same step.

    Parameters
    ----------
    agreement : Agreement
    config : StepConfig
        Of whole batches that are not gathered, or of parts that are.
    data : Data
        Of the run.
    settings : Settings

    Raises
    ------
    ValueError
        Where the network must see all of a batch.
    """
    check_parts(config.network)
    group, like, compiled = agreement.group, reference_array(data.Y), settings.compile
    reads = isinstance(data.X, Source) or isinstance(data.Y, Source)
    is_whole = settings.batch_size == data.X.shape[1]
    gathered = reads or (is_whole and data.mixup is None)
    network = config.network
    cut: Cut = _as_it_is
    if reads and not config.gathered:  # else it was read as this process's part
        cut = _reading(data, group.rank, group.size)
    elif not reads and gathered:
        cut, first = _slicing(data, group.rank, group.size)
        network = for_examples_from(network, first)
    elif not reads:
        cut = _naming(data, group.rank, group.size)
    part_config = config._replace(
        network=network, in_parts=True, gathered=gathered, padded=has_fixed_shapes(like)
    )
    prepare = compile_step(prepare_batch, config, like=like)
    gradient = compile_step(_part_vector, part_config, like=like, compile=compiled)
    update = compile_step(_updated, config, like=like, donate=(0,), compile=compiled)
    of_whole = data
    if reads:  # nothing but weights matters there
        rows = None if data.weights is None else data.weights[None, :]
        of_whole = data._replace(X=rows, Y=rows)
    needs_whole = not config.gathered and (
        config.weights_by_batch or bool(settings.regularization.l2)
    )

    def take_step(
        state: State,
        data: Data,
        batch: Batch,
        scalars: StepScalars,
        workspace: Workspace | None,
    ) -> State:
        if needs_whole:
            scalars = prepare(state.theta, of_whole, batch, scalars, workspace)
        wish = 1.0 if agreement.wishes else 0.0
        vector = gradient(state.theta, *cut(data, batch), scalars, wish, workspace)
        vector = group.all_sum(vector)
        agreement.heed(vector)
        moved: State = update(state, vector, scalars, data.weight_mask, workspace)
        return moved

    return take_step


def _as_it_is(data: Data, batch: Batch) -> tuple[Data, Batch]:
    """Return a part that was read as one."""
    return data, batch


def _indices(batch: Batch, rank: int, size: int, fixed: bool) -> tuple[Array, int]:
    """Return the indices of a part, filled up where few shapes are to be met, and what counts."""
    whole = all_places(batch.whole) if batch.indices is None else batch.indices[: batch.count]
    indices = part_of(whole, rank, size)
    count = indices.shape[0]
    if fixed and count:
        indices = filled_up(indices, part_unit(batch.whole, size))
    return indices, count


def _naming(data: Data, rank: int, size: int) -> Cut:
    """Return what names the places of a part, from which the step gathers its examples."""
    place = partial(asarray_like, like=data.Y, dtype=namespace(data.Y).int32)
    fixed = has_fixed_shapes(data.Y)

    def cut(data: Data, batch: Batch) -> tuple[Data, Batch]:
        indices, count = _indices(batch, rank, size, fixed)
        # Those of a minibatch are there already.
        return data, Batch(
            indices if batch.indices is not None else place(indices), count, batch.whole
        )

    return cut


def _slicing(data: Data, rank: int, size: int) -> tuple[Cut, int]:
    """Return what has the part of all examples at hand, in views, and where its first one is."""
    X, Y, weights, *rest = data
    part = part_of(all_places(X.shape[1]), rank, size)
    count = part.shape[0]
    first = int(part[0]) if count else 0
    here = slice(first, first + count)
    seen = Data(X[:, here], Y[:, here], None if weights is None else weights[here], *rest)
    places = asarray_like(part, like=Y, dtype=namespace(Y).int32)
    return lambda data, batch: (seen, Batch(places, count, batch.whole)), first


def _reading(data: Data, rank: int, size: int) -> Cut:
    """Return what reads the examples of a part."""
    X, Y, weights, *rest = data
    like = reference_array(Y)
    xp, fixed = namespace(like), has_fixed_shapes(like)

    def cut(data: Data, batch: Batch) -> tuple[Data, Batch]:
        indices, count = _indices(batch, rank, size, fixed)
        places = asarray_like(indices, like=like, dtype=xp.int32)
        part = Batch(places, count, batch.whole)
        if not count:  # it takes part in the sum all the same
            return Data(None, None, None, *rest), part
        some_weights = None if weights is None else xp.take(weights, places)
        some_X, some_Y = (
            read_examples(one, indices if isinstance(one, Source) else places) for one in (X, Y)
        )
        return Data(some_X, some_Y, some_weights, *rest), part

    return cut


def _part_vector(
    config: StepConfig,
    theta: Array,
    data: Data,
    batch: Batch,
    scalars: StepScalars,
    wish: float,
    workspace: Workspace | None = None,
) -> Array:
    """Return the sums over a part of a batch as a vector, and behind them a wish for the end."""
    sums = batch_gradient(config, theta, data, batch, scalars, workspace)
    return to_vector(sums, namespace(theta).zeros_like(sums.gradient[:1]) + wish)


def _updated(
    config: StepConfig,
    state: State,
    vector: Array,
    scalars: StepScalars,
    weight_mask: Array | None,
    workspace: Workspace | None = None,
) -> State:
    """Return the state after the update that the sum of such vectors makes."""
    sums = from_vector(config.network, vector[:-1])
    return apply_update(config, state, sums, scalars, weight_mask, workspace)
