"""The runbook's pages about the VIP and VRRP: T1xx."""

from __future__ import annotations

from iamops.judge.runbook.entry import RunbookEntry
from iamops.model.facts import Severity

ENTRIES = (
    RunbookEntry(
        "T101",
        "split-brain",
        Severity.CRITICAL,
        title="the VIP is on more than one node",
        means=(
            "Two nodes hold the address. Each client reaches whichever it last heard of, and writes go two ways."
        ),
        known_by=(
            "The kernels' address lists of nodes that are heard now, compared on one clock; "
            "keepalived's own state."
        ),
        causes=(
            "adverts do not arrive: a firewall drops IP protocol 112",
            "virtual_router_id, advert_int, version or password differ",
            "an address set by hand, or left behind by a killed keepalived",
        ),
        steps=(
            "look: nft list ruleset on both nodes; VRRP is IP protocol 112",
            "iamops config lint",
            "look: tcpdump -nn proto 112 on both nodes",
        ),
    ),
    RunbookEntry(
        "T102",
        "vip-nowhere",
        Severity.CRITICAL,
        title="no node holds the VIP",
        means="Nobody answers at the address: every client is refused or waits.",
        known_by=(
            "The kernels' address lists of all nodes, each of them heard now; with a node unseen it is not said."
        ),
        causes=("every check fails, so every keepalived is in FAULT", "keepalived is stopped everywhere"),
        steps=("iamops status", "look: journalctl -u keepalived on every node", "iamops config lint"),
    ),
    RunbookEntry(
        "T103",
        "master-without-address",
        Severity.CRITICAL,
        title="keepalived is MASTER and the kernel has no VIP",
        means=(
            "The node tells its peers that it serves, and cannot. No standby takes over, because adverts arrive."
        ),
        known_by="keepalived's dump against the kernel's address list of the same node.",
        causes=("keepalived may not set addresses (CAP_NET_ADMIN)", "somebody removed the address by hand"),
        steps=("look: ip addr on the node", "iamops switchover --dry-run"),
    ),
    RunbookEntry(
        "T104",
        "address-without-master",
        Severity.CRITICAL,
        title="the kernel has the VIP and keepalived is not MASTER",
        means=(
            "The address answers here, and nothing takes it away when nginx dies: if the peer takes "
            "over, both have it."
        ),
        known_by="The kernel's address list against keepalived's state, and whether its unit runs at all.",
        causes=("keepalived was killed and left its address behind", "the address was added by hand"),
        steps=("look: ip addr on the node", "iamops start keepalived NODE"),
    ),
    RunbookEntry(
        "T105",
        "stale-arp",
        Severity.CRITICAL,
        title="clients send the VIP's packets to another machine than its owner",
        means=("The address moved and the network did not notice: the VIP is dark for whoever has the old entry."),
        known_by="The neighbour table of this machine against the owner's own hardware addresses (ip link).",
        causes=(
            "gratuitous ARP was lost or is filtered, and no refresh is set",
            "another machine uses the address",
        ),
        steps=("look: ip neigh show VIP on a client", "iamops config lint"),
    ),
    RunbookEntry(
        "T106",
        "client-dark",
        Severity.CRITICAL,
        title="a client gets no good answer from the VIP",
        means="What the deployment is for does not work from where this runs.",
        known_by=(
            "One HTTP request a second from this machine to the VIP (and to the public address, if there is one)."
        ),
        causes=(
            "nobody holds the VIP",
            "nginx on the owner is down or hangs",
            "the way from here to the VIP is cut",
        ),
        steps=("iamops status", "iamops traffic --since 5m"),
    ),
    RunbookEntry(
        "T107",
        "dark-outside",
        Severity.CRITICAL,
        title="the right owner serves, and is dark from outside",
        means="One node has the VIP, its nginx answers on the node itself, and a client gets nothing.",
        known_by="HTTP from this machine against HTTP on the owner itself, with exactly one owner.",
        causes=(
            "a cloud's HAVIP or EIP is not bound to the node",
            "a firewall on the way",
            "a router that remembers the old owner",
        ),
        steps=("look: is the HAVIP or EIP bound to the owner?", "look: nft list ruleset on the owner"),
    ),
    RunbookEntry(
        "T108",
        "vrrp-fault",
        Severity.WARNING,
        title="a node is in FAULT and would not take the VIP",
        means="There is no redundancy: the next failure is an outage, and nothing else shows it.",
        known_by="keepalived's dump, or the last state it logged.",
        causes=("its check says that nginx does not answer", "its interface has no link"),
        steps=("look: journalctl -u keepalived on the node", "iamops config lint"),
    ),
    RunbookEntry(
        "T109",
        "check-blind",
        Severity.CRITICAL,
        title="nginx is down and keepalived's check does not see it",
        means="The VIP stays on, or goes to, a node that serves nothing.",
        known_by=(
            "systemd's journal of when nginx ended, against keepalived's state after the time its check needs."
        ),
        causes=(
            "a check that cannot fail (telnet piped into grep)",
            "a check that is not run: refused, or not executable",
        ),
        steps=("iamops config lint", "look: journalctl -u keepalived on the node"),
    ),
    RunbookEntry(
        "T110",
        "check-unrunnable",
        Severity.CRITICAL,
        title="keepalived's check cannot be run",
        means=(
            "With 126 or 127 a healthy node goes to FAULT; with an exec error keepalived 2.2 takes "
            "the check for passed."
        ),
        known_by="keepalived's journal: `now returning 126` or 127, `Error exec-ing command`.",
        causes=(
            "the script or its interpreter is missing",
            "it is not executable",
            "a tool that it uses is not installed",
        ),
        steps=("iamops config lint", "iamops config diff"),
    ),
    RunbookEntry(
        "T111",
        "script-insecure",
        Severity.CRITICAL,
        title="keepalived does not trust its check script and does not run it",
        means="Nothing is checked: a dead nginx keeps the VIP.",
        known_by=(
            "keepalived's journal since it was started (`Unsafe permissions`), and what `keepalived -t` says now."
        ),
        causes=("the script or a directory above it can be changed by someone other than root",),
        steps=("iamops config lint", "iamops config diff"),
    ),
    RunbookEntry(
        "T112",
        "script-timeout",
        Severity.WARNING,
        title="keepalived's check does not end in time",
        means="Each time counts as a failure: after `fall` of them the VIP moves.",
        known_by="keepalived's journal: `timed_out`, or exit 124, which is coreutils' timeout.",
        causes=("nginx hangs or is very slow", "the node is overloaded", "the time limit is too short"),
        steps=("look: journalctl -u keepalived on the node", "iamops status"),
    ),
    RunbookEntry(
        "T113",
        "foreign-adverts",
        Severity.WARNING,
        title="adverts with our virtual router id come from somebody else",
        means="They disturb elections, and may take the VIP away or keep both nodes MASTER.",
        known_by=(
            "keepalived's journal of the last ten minutes: wrong password, wrong addresses, unknown "
            "peer, wrong interval."
        ),
        causes=("another VRRP pair in the network has the same id", "the peers' own settings differ"),
        steps=("look: tcpdump -nn proto 112 on the node", "iamops config lint"),
    ),
    RunbookEntry(
        "T114",
        "vip-flapping",
        Severity.WARNING,
        title="the VIP moves again and again",
        means="Every move is a gap for clients and breaks their connections.",
        known_by=(
            "`Entering MASTER STATE` in all nodes' journals: three or more within ten minutes. With fewer than "
            "three that no run of iamops made it is only an info."
        ),
        causes=("a check on the edge of failing", "adverts that are lost now and then", "somebody moves it"),
        steps=("look: journalctl -u keepalived on every node", "iamops audit tail"),
    ),
    RunbookEntry(
        "T115",
        "keepalived-restarted",
        Severity.WARNING,
        title="keepalived crashed or was restarted a short while ago",
        means="A restart on the owner always moves the VIP. A crash leaves its address behind.",
        known_by=(
            "systemd's journal: a crash within the last hour, a stop in order within ten minutes "
            "(then it is only an info)."
        ),
        causes=("it was killed, or ran out of memory", "a push, a switchover or a person restarted it"),
        steps=("look: journalctl -u keepalived on the node", "iamops audit tail"),
    ),
    RunbookEntry(
        "T116",
        "notify-log-missing",
        Severity.WARNING,
        title="the notify log is not there",
        means="Nobody writes down when the VIP moved; what reads the log is blind.",
        known_by="stat of the profile's logs.notify.",
        causes=("keepalived does not call the notify script", "somebody deleted the log"),
        steps=("iamops config diff", "iamops config lint"),
    ),
    RunbookEntry(
        "T117",
        "keepalived-silent",
        Severity.CRITICAL,
        title="keepalived runs and does not answer",
        means=(
            "On the standby nobody takes the VIP over when the owner fails. On the owner the VIP stays, whatever "
            "its check would say, and the peer, which hears no adverts, takes it too: two owners."
        ),
        known_by=(
            "keepalived was asked for its dump and wrote none: its process is stopped (proc), or it was asked "
            "twice and given three seconds. A private /tmp is no silence."
        ),
        causes=(
            "its process was stopped (SIGSTOP, a debugger, a frozen control group)",
            "it hangs in a script, a name server or a file system",
        ),
        steps=(
            "iamops restart keepalived NODE",
            "look: journalctl -u keepalived on the node, and wchan of its processes",
        ),
    ),
    RunbookEntry(
        "T118",
        "stranger-router",
        Severity.CRITICAL,
        title="a router that is no node of ours takes part in our election",
        means=(
            "keepalived gives the VIP up to whoever sends adverts of a higher priority with its router id and "
            "password. The stranger need not serve, nor even have the VIP: then nobody has it."
        ),
        known_by=(
            "keepalived's own journal names the address it gave way to, and it is none of the profile's nodes. "
            "While no node holds the VIP that line counts however old it is."
        ),
        causes=(
            "another pair with the same virtual_router_id and password (1111 is a common one)",
            "a clone or an old member of this pair that was forgotten",
        ),
        steps=(
            "look: whose the address is (ip neigh show)",
            "look: tcpdump -nn proto 112 on the node",
            "iamops config lint",
        ),
    ),
    RunbookEntry(
        "T119",
        "keepalived-starved",
        Severity.WARNING,
        title="keepalived was not given time to run",
        means=(
            "Its adverts were late by seconds: the peer may have taken the VIP over meanwhile, and for a moment "
            "both had it."
        ),
        known_by=("keepalived's journal: a thread timer expired some seconds ago."),
        causes=("the machine was paused or moved (a snapshot, a live migration)", "the node was overloaded"),
        steps=("look: what else ran on the node then, and its hypervisor's steal time",),
    ),
    RunbookEntry(
        "T120",
        "adverts-not-sent",
        Severity.CRITICAL,
        title="keepalived cannot send its adverts",
        means=("The peer hears nothing and takes the VIP too: two owners, or soon."),
        known_by=("keepalived's journal of the last ten seconds, with the reason the kernel gave."),
        causes=(
            "a firewall on the node refuses IP protocol 112 on its way out",
            "the interface or its address is gone",
        ),
        steps=("look: nft list ruleset on the node: VRRP is IP protocol 112", "look: ip addr on the node"),
    ),
    RunbookEntry(
        "T121",
        "mac-twice",
        Severity.CRITICAL,
        title="two nodes have the same hardware address",
        means=(
            "A switch sends the packets of both to whichever spoke last: adverts, health checks and SSH of both "
            "nodes come and go."
        ),
        known_by="The hardware addresses of all interfaces (ip link), compared between the nodes.",
        causes=("one virtual machine was cloned from the other with its address",),
        steps=("look: ip link on both nodes, and the addresses that the hypervisor gives them",),
    ),
    RunbookEntry(
        "T122",
        "vip-let-go",
        Severity.INFO,
        title="the owner let go of the VIP and took it back",
        means="For a moment nobody had it. Three times in ten minutes is vip-flapping.",
        known_by=(
            "keepalived's journal: an owner that runs on enters BACKUP or FAULT, and then MASTER again before "
            "another node does."
        ),
        causes=(
            "something else than keepalived removed the address: networkd, NetworkManager, a script or a person",
            "its check failed for a moment",
            "the interface went down and up",
        ),
        steps=("look: journalctl -u keepalived on the node, and what else sets addresses there",),
    ),
    RunbookEntry(
        "T123",
        "interface-lost",
        Severity.INFO,
        title="keepalived saw an interface go down",
        means="An owner gives the VIP up with it. Whether it is up again `ip link` tells.",
        known_by="keepalived's journal of the last ten minutes: the kernel told it so.",
        causes=(
            "the network was configured anew (networkd, NetworkManager)",
            "a cable, a switch port or the hypervisor",
        ),
        steps=("look: ip -s link on the node, and journalctl -k there",),
    ),
)
