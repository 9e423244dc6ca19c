"""keepalived's check script: a dead nginx under a BACKUP that it should have noticed."""

from __future__ import annotations

from iamops.model.events import UnitReported
from iamops.model.facts import UnitReport
from iamops.model.inspection import JournalEventKind
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.looks import B, asked, found, journal, node_look, view


def test_a_dead_nginx_under_a_backup_is_a_blind_check_but_not_before_the_check_had_its_time():
    state = fed(healthy(), [UnitReported(NOW, B, "nginx", UnitReport("inactive", "dead"))])

    def stopped(ago: float) -> list[str]:
        said = journal((ago, "nginx", JournalEventKind.STOPPED, "nginx", "Stopped nginx.service"))
        return found(asked("check-blind", view(state, b=node_look(B, journal=said))))

    assert stopped(5) == []
    assert stopped(60) == ["check-blind"]
