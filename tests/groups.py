"""Groups for tests: threads of this process that meet at a barrier."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier, BrokenBarrierError
from typing import NamedTuple

from dnn_xp.backends import DisagreementError, GroupError, namespace


class Meeting:
    """Where the members of a group meet, and what they put down there."""

    def __init__(self, size):
        self.barrier, self.vectors = Barrier(size, timeout=60.0), [None] * size


class Member(NamedTuple):
    """A process of a group, played by a thread.

    Attributes
    ----------
    rank, size : int
    meeting : Meeting
    sizes : list of int
        The lengths of the vectors that were summed.
    """

    rank: int
    size: int
    meeting: Meeting
    sizes: list

    def all_sum(self, vector):
        self.sizes.append(vector.shape[0])
        try:
            self.meeting.vectors[self.rank] = vector
            self.meeting.barrier.wait()
            first, *others = self.meeting.vectors
            total = sum(others, start=first * 1.0)
            self.meeting.barrier.wait()
        except BrokenBarrierError as error:
            raise GroupError("group: another process is gone") from error
        namespace(total, vector)  # of one library
        return total

    def abort(self):
        self.meeting.barrier.abort()


def over_threads(size, function):
    """Return what ``function(group)`` returns in each member of a group, or raise as a rank does.

    Of several errors, the one that is not about another rank's.
    """
    meeting = Meeting(size)

    def run(rank):
        member = Member(rank, size, meeting, [])
        try:
            return function(member)
        except BaseException as error:
            return error

    with ThreadPoolExecutor(size) as pool:
        found = [*pool.map(lambda rank: copy_context().run(run, rank), range(size))]
    errors = [one for one in found if isinstance(one, BaseException)]
    own = [one for one in errors if not isinstance(one, GroupError)]
    told = [one for one in errors if isinstance(one, DisagreementError)]
    for error in (*own, *told, *errors):
        raise error
    return found
