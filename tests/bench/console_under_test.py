"""The console as `iamops` opens it, except that every address event is noted once it is in the store."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from iamops.model.events import AddressChanged, Event
from iamops.model.state import ClusterState
from iamops.session.cluster import Cluster
from iamops.session.operator import Operator
from iamops.session.profiles import load_profile
from iamops.tui.app.app import ConsoleApp


def main(notes: Path) -> None:
    cluster = Cluster(load_profile("lab"))
    with notes.open("w", buffering=1) as out:

        def note(_state: ClusterState, event: Event) -> None:
            if isinstance(event, AddressChanged):
                line = {"node": event.node, "address": event.address, "present": event.present}
                out.write(json.dumps(line | {"node_at": event.node_at, "stored_at": time.time()}) + "\n")

        cluster.store.subscribe(note)
        ConsoleApp(cluster, lambda: Operator(cluster, profile_name="lab")).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
