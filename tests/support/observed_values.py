"""Every observed value of a state, read, replaced or made unknown by its path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from iamops.model.facts import ConfigReport, SafetyReport, UnitReport
from iamops.model.observed import Known
from iamops.model.state import ClusterState
from tests.support.cluster_states import NOW, healthy
from tests.support.profiles import FENCING, pair

PROFILE = pair(
    fencing=FENCING,
    safety={"dead_man_s": 60, "rollback_s": 120, "anti_flap_s": 300},
    datastores={"mariadb": {"node": "iam-a", "unit": "mariadb"}, "redis": {"node": "iam-a"}},
)


# path into the state: the attribute, and the keys below it
Path = tuple[Any, ...]


def base() -> ClusterState:
    """The healthy pair, with everything told that a daemon can tell: processes, track files."""
    state = healthy(NOW, PROFILE)
    for name, node in state.nodes.items():
        units = {unit: Known(UnitReport("active", "running", 0, 4000), NOW) for unit in node.units}
        safety = Known(SafetyReport((), None, ("VI_1",)), NOW)
        config = Known(ConfigReport(), NOW)
        state = put(state, ("nodes", name), replace(node, units=units, safety=safety, config=config))
    return state


def put(at: Any, path: Path, value: Any) -> Any:
    """The same with another value at the end of the path, through attributes and mappings."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(at, dict):
        return {**at, head: put(at[head], rest, value)}
    return replace(at, **{head: put(getattr(at, head), rest, value)})


def get(at: Any, path: Path) -> Any:
    for key in path:
        at = at[key] if isinstance(at, dict) else getattr(at, key)
    return at


def observed(state: ClusterState) -> Iterator[Path]:
    for name, node in state.nodes.items():
        at = ("nodes", name)
        yield from ((*at, part) for part in ("addresses", "requests", "host", "safety", "config", "files"))
        for part in ("vrrp", "units", "domains", "services", "ports"):
            yield from ((*at, part, key) for key in getattr(node, part))
        yield from ((*at, "from_peers", s, peer) for s, views in node.from_peers.items() for peer in views)
    yield from (("datastores", store, node) for store, views in state.datastores.items() for node in views)
    yield from (("client", name) for name in state.client)


FIELDS = {
    ("vrrp", "VI_1"): ("priority", "effective_priority", "last_transition"),
    ("host",): ("clock_offset_ms",),
}


def untold(state: ClusterState) -> Iterator[tuple[Path, str]]:
    """Fields of known reports that a daemon may not tell."""
    for name, node in state.nodes.items():
        for tail, fields in FIELDS.items():
            yield from ((("nodes", name, *tail), field) for field in fields)
        yield from ((("nodes", name, "units", unit), "main_pid") for unit in node.units)
