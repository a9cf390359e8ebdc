"""The page of a run as it goes on: its figures so far, its curves, and how it was begun."""

import math
from collections.abc import Mapping
from typing import Any

from dnn_xp.network.description import UnknownLayerError, network_of
from dnn_xp.reports.pages.card import Training, versions_section
from dnn_xp.reports.pages.curves import learning_curves
from dnn_xp.reports.pages.following import Follower
from dnn_xp.reports.pages.page import Headline, Page
from dnn_xp.reports.run_summaries import History, best_of
from dnn_xp.reports.words import describe_metric, describe_network

__all__ = ["live_page"]

_WORDS = {
    "waiting": "It has not begun yet.",
    "running": "It is going on.",
    "done": "It has ended.",
    "interrupted": "It was interrupted: dnn-xp resume goes on with it.",
    "diverged": "It diverged.",
}


def live_page(follower: Follower) -> Page:
    """Page of a run, from what its folder says at this time.

    Parameters
    ----------
    follower : Follower
    """
    record, history = follower.record, follower.history
    said = [_WORDS[follower.state], _network(record)]
    if record.get("reason") and follower.state != "running":
        said.append(f"{str(record['reason']).capitalize()}.")
    if follower.problem:
        said.append(f"Something cannot be read: {follower.problem}.")
    curves = learning_curves(history)
    sections = [] if curves is None else [curves]
    if record:
        versions = {str(name): str(one) for name, one in _mapping(record, "versions").items()}
        training = Training(begun=_text(record, "begun"), ended=_text(record, "ended"))
        sections.append(versions_section(versions, _text(record, "command"), training))
    name = follower.folder.name or str(follower.folder)
    return Page(name, " ".join(filter(None, said)), _headlines(history, record), sections)


def _headlines(history: History, record: Mapping[str, Any]) -> list[Headline]:
    """Return how far it is, its last cost, and its best figure with the epoch that it is of."""
    done, asked = len(history.get("cost", ())), _mapping(record, "settings").get("epochs")
    of = f"of {asked:,} epochs" if isinstance(asked, int) else "epochs"
    found = [Headline(f"{done:,}", f"{of} done")]
    for name, words in (("cost", "cost, training"), ("validation_cost", "cost, held out")):
        values = history.get(name, ())
        if values:
            found.append(Headline(describe_metric("cost", values[-1]), words))
    best = best_of(history)
    if best is not None and best.name != "cost":
        last = history[("validation_" if best.is_held_out else "") + best.name][-1]
        beside = f"last: {describe_metric(best.name, last)}" if math.isfinite(last) else ""
        words = f"best {best.name}, {'held out' if best.is_held_out else 'training'}"
        found.append(Headline(describe_metric(best.name, best.value), words, beside))
    return found


def _network(record: Mapping[str, Any]) -> str:
    """Return the network in words, or nothing where it is a layer of somebody's own."""
    try:
        return f"{describe_network(network_of(_mapping(record, 'run')['network']))}."
    except (AttributeError, LookupError, TypeError, UnknownLayerError, ValueError):
        return ""


def _text(record: Mapping[str, Any], name: str) -> str:
    found = record.get(name)
    return found if isinstance(found, str) else ""


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}
