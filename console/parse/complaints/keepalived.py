"""What keepalived complains of, in the words of 2.x (vrrp.c, keepalived_netlink.c, scheduler.c, vrrp_parser.c)."""

from __future__ import annotations

from console.model.look import ComplaintKind as Kind
from console.parse.complaints.table import row

ROWS = (
    row(
        Kind.HIGHER_PRIORITY,
        r"^\([^)]{1,64}\) Master received advert from (?P<about>[0-9a-fA-F.:]{2,45}) "
        r"with (?:higher|same) priority",
        "this node gave the VIP up to whoever sent it",
    ),
    row(
        Kind.LOWER_PRIORITY,
        r"^\([^)]{1,64}\) [Rr]eceived (?:advert|lower priority \([0-9]{1,3}\) advert) from "
        r"(?P<about>[0-9a-fA-F.:]{2,45})",
        "a second master sends adverts: it does not hear this one's",
    ),
    row(
        Kind.STARVED,
        # Less than three adverts late takes nothing from anybody.
        r"^A thread timer expired (?:[3-9]|[1-9][0-9]{1,8})\.[0-9]{1,9} seconds ago",
        "keepalived was not given time to run: its adverts were late, and the peer may have taken over meanwhile",
    ),
    row(
        Kind.CANNOT_SEND,
        r"^\((?P<about>[^)]{1,64})\):? (?:send advert error|[Cc]an'?t send advert|Cant send advert)",
        "its adverts do not leave the node: the peer takes over, and both have the VIP",
    ),
    row(
        Kind.ADDRESS_REMOVED,
        r"^Netlink reflector reports IP (?P<about>[0-9a-fA-F.:]{2,45}) removed from",
        "something else than keepalived takes the VIP away: networkd, NetworkManager, a script or a person",
    ),
    row(
        Kind.SCRIPT_DISABLED,
        r"^(?:Disabling track script (?P<about>\S{1,80})|WARNING - (?:default user|script user) '?\S{1,80}'? for"
        r"|WARNING - script '[^']{1,200}' is not executable|Unable to access script `[^`]{1,200}`)",
        "the check is not run: a dead nginx is not seen",
    ),
    row(
        Kind.LINK_LOST,
        r"^(?:Netlink reports|Interface) (?P<about>\S{1,15}) (?:down|deleted)",
        "the interface went: keepalived gave the VIP up",
    ),
)
