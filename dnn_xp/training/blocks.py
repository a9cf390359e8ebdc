"""Steps over examples in blocks: gradients where the blocks are, the update here."""

from functools import partial

from dnn_xp.backends import Array, Block, Blocks, block_like, from_blocks, to_host
from dnn_xp.data.sources import Source
from dnn_xp.network import Network
from dnn_xp.network.layout import Workspace
from dnn_xp.training.evaluation import AT_ONCE
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

__all__ = ["in_blocks", "make_blocks", "make_blocks_step"]


def in_blocks(network: Network, data: Data, settings: Settings) -> Data:
    """Return data on Dask as steps read them that leave them where they are.

    Parameters
    ----------
    network : Network
    data : Data
        X, Y and weights on Dask.
    settings : Settings

    Returns
    -------
    Data
        X is `Blocks`, Y an empty array in the blocks' library, and weights are here only where
        those of a batch are added up.

    Raises
    ------
    ValueError
        Where the network must see all of a batch at once, or a lost block could not be made again.
    """
    check_parts(network)
    X, Y, weights, *rest = data
    added_up = settings.weights_by_batch and weights is not None
    here = from_blocks(weights) if added_up else None
    return Data(make_blocks(X, Y, weights), block_like(Y), here, *rest)


def make_blocks(X: Array, Y: Array | Source, weights: Array | None) -> Blocks:
    """Return examples on Dask with their targets, or refuse targets that are read elsewhere.

    Raises
    ------
    ValueError
        As `in_blocks`.
    """
    if isinstance(Y, Source):
        raise ValueError(
            "Y: found a source beside X on Dask, whose blocks it cannot go to, expected an array; "
            "dask.array.from_array makes one of whatever has slices"
        )
    return Blocks(X, Y, weights)


def make_blocks_step(config: StepConfig, data: Data, settings: Settings) -> TakeStep:
    """Return what takes a step of which each block gives the part that it holds.

    Parameters
    ----------
    config : StepConfig
    data : Data
        As `in_blocks` returns them.
    settings : Settings
    """
    of_blocks = config._replace(
        gathered=True, in_parts=True, micro_batch=config.micro_batch or AT_ONCE
    )

    def take_step(
        state: State, data: Data, batch: Batch, scalars: StepScalars, workspace: Workspace | None, /
    ) -> State:
        scalars = prepare_batch(config, state.theta, data, batch, scalars)
        function = partial(_block_vector, of_blocks, state.theta, scalars, batch.whole)
        places = None if batch.indices is None else to_host(batch.indices)
        sums = from_vector(config.network, data.X.sums(function, places))
        return apply_update(config, state, sums, scalars, data.weight_mask)

    return take_step


def _block_vector(
    config: StepConfig, theta: Array, scalars: StepScalars, whole: int, block: Block
) -> Array:
    """Return the sums over the examples of a block as a vector."""
    X, Y, weights, places = block
    batch = Batch(places, places.shape[0], whole)
    return to_vector(batch_gradient(config, theta, Data(X, Y, weights), batch, scalars))
