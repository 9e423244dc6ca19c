"""What an event touches on the screen, and which one is urgent."""

from __future__ import annotations

from iamops.model.events import AddressChanged, HostReported, HttpProbed, LinkChanged, RequestsCounted, Target
from iamops.model.facts import HostReport, Link, RequestCount
from iamops.tui.toolkit.painted import ALL, ScreenPart, touched, urgent
from tests.support.scenes import NOW, VIP, A, ok


def test_an_event_touches_what_shows_it() -> None:
    move = AddressChanged(NOW, A, VIP, present=True)
    assert ScreenPart.HEADER in touched(move)
    assert ScreenPart.SERVICES not in touched(move)
    assert touched(HttpProbed(NOW, A, A, Target.DOMAIN, "x", ok())) == {ScreenPart.SERVICES}
    assert touched(RequestsCounted(NOW, A, RequestCount(1))) == {ScreenPart.REQUESTS, ScreenPart.PLOT}
    assert touched(LinkChanged(NOW, A, Link())) == ALL - {ScreenPart.PLOT}


def test_a_vip_change_is_urgent_and_a_load_average_is_not() -> None:
    assert urgent(AddressChanged(NOW, A, VIP, present=True))
    assert not urgent(HostReported(NOW, A, HostReport()))
