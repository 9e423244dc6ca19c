"""The second look, just before acting: no guard judges by what was true before it."""

from __future__ import annotations

import pytest

from iamops.model.events import DatastoreProbed, Event, PortProbed
from iamops.session.adapters import StoreReader
from iamops.session.store import Store
from tests.support.cluster_states import NOW, healthy, seen_on
from tests.support.profiles import pair


def eyes(*missing: type[Event]) -> StoreReader:
    """A look brings everything of iam-b anew, but for what is missing. A glance at the clock takes 0.5 s."""
    store = Store(healthy(NOW))
    clock = (NOW + 1 + tick / 2 for tick in range(100))

    def look() -> None:
        for event in seen_on(pair(), "iam-b", NOW + 2):
            if not isinstance(event, missing):
                store.apply(event)

    async def look_at_files() -> None:
        """Nothing of the nodes' files is asked here."""

    return StoreReader(store, lambda: next(clock), look, look_at_files)


async def test_it_is_over_once_all_was_seen_anew():
    assert await eyes().fresh(["iam-b"], 1.0) == ()


@pytest.mark.parametrize(
    ("missing", "unseen"),
    [(DatastoreProbed, {"mariadb", "redis", "mongodb"}), (PortProbed, {"iam-apiserver:8081"})],
)
async def test_what_services_need_is_looked_at_again_too(missing: type[Event], unseen: set[str]):
    assert set(await eyes(missing).fresh(["iam-b"], 1.0)) == {f"{what} on iam-b" for what in unseen}
