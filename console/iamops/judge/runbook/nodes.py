"""The runbook's pages about the nodes themselves: T4xx."""

from __future__ import annotations

from iamops.judge.runbook.entry import RunbookEntry
from iamops.model.facts import Severity

ENTRIES = (
    RunbookEntry(
        "T401",
        "node-unreachable",
        Severity.WARNING,
        title="a node cannot be seen",
        means="Nothing is known of it: not that it is down, and not that it is well.",
        known_by="The SSH link, and what peers and a client get from the node.",
        causes=(
            "the machine is off or frozen",
            "its network is cut",
            "its sshd hangs",
        ),
        steps=(
            "iamops status",
            "look: the node's console",
        ),
    ),
    RunbookEntry(
        "T402",
        "serving-unseen",
        Severity.WARNING,
        title="a node cannot be reached over SSH and is serving",
        means="Users are well; nobody can act on the node or see into it.",
        known_by="The SSH link is down, and a peer or a client gets good answers from the node.",
        causes=(
            "a firewall drops SSH",
            "sshd hangs or is stopped",
        ),
        steps=(
            "iamops status",
            "look: the node's console",
        ),
    ),
    RunbookEntry(
        "T403",
        "not-serving",
        Severity.CRITICAL,
        title="a node is reached over SSH and no peer reaches its services",
        means="It looks well from inside. To the rest of the cluster it is gone.",
        known_by="HTTP to every service on its node against the same from every peer.",
        causes=(
            "a firewall on the node",
            "all services bound to 127.0.0.1",
        ),
        steps=("look: nft list ruleset and ss -ltn on the node",),
    ),
    RunbookEntry(
        "T404",
        "unit-down",
        Severity.WARNING,
        title="a unit does not run",
        means="What it does is not done. For nginx it is critical.",
        known_by="systemd's state of every unit of the profile.",
        causes=(
            "somebody stopped it",
            "it failed, and systemd does not restart it",
        ),
        steps=(
            "look: journalctl -u UNIT on the node",
            "iamops start nginx NODE",
        ),
    ),
    RunbookEntry(
        "T405",
        "unit-restarted",
        Severity.WARNING,
        title="a unit crashed within the last hour and runs again",
        means="It may do it again; what it held in memory was lost.",
        known_by="systemd's journal: `Main process exited` with a signal or an error.",
        causes=(
            "out of memory",
            "a fault in it",
        ),
        steps=("look: journalctl -u UNIT on the node",),
    ),
    RunbookEntry(
        "T406",
        "disk-full",
        Severity.WARNING,
        title="a disk is 90 % full or more",
        means="At 100 % logs stop, Redis refuses writes and databases stall: from 99 % on it is critical.",
        known_by="df -P of / live, and of /var/log, /var/lib, /tmp and /run in a deep look.",
        causes=(
            "logs that are not rotated",
            "dumps and cores",
        ),
        steps=("look: du -x /var on the node",),
    ),
    RunbookEntry(
        "T407",
        "inodes-exhausted",
        Severity.WARNING,
        title="90 % of a file system's inodes are used",
        means="No file can be made though there is space.",
        known_by="df -Pi of /, /var/log, /var/lib, /tmp and /run.",
        causes=("very many small files",),
        steps=("look: du --inodes -x / on the node",),
    ),
    RunbookEntry(
        "T408",
        "clock-skew",
        Severity.WARNING,
        title="a clock is more than half a second off ours",
        means="Tokens are rejected as not yet valid or expired, and logs cannot be put in order.",
        known_by="date on the node against this machine's clock, with half the round trip as uncertainty.",
        causes=("time is not synchronised on the node, or here",),
        steps=("look: timedatectl on the node",),
    ),
    RunbookEntry(
        "T409",
        "clocks-apart",
        Severity.WARNING,
        title="two nodes' clocks are more than half a second apart",
        means="A token that one node signs is rejected by the other.",
        known_by="The difference of both nodes' offsets to this machine, beyond their uncertainty.",
        causes=("time is not synchronised on one of them",),
        steps=("look: timedatectl on both nodes",),
    ),
    RunbookEntry(
        "T410",
        "node-silent",
        Severity.CRITICAL,
        title="a node is connected over SSH and tells nothing of itself",
        means="Nothing is known of it, though the login works: whether it holds the VIP, what runs.",
        known_by="The SSH link is up, and no command on the node has answered within its frame.",
        causes=(
            "the login shell runs nothing: nologin, /bin/false, a ForceCommand of sshd",
            "the login is slower than any deadline: ~/.bashrc, PAM, a home directory on a dead server",
            "sshd opens no session: MaxSessions",
            "the way back loses large packets: an MTU that is too small somewhere",
        ),
        steps=(
            "look: time ssh NODE id, with the user and key of the profile",
            "look: getent passwd for the login user's shell, and sshd -T for ForceCommand and MaxSessions",
            "look: ping -M do -s 1400 NODE from here, and the same from the node",
        ),
    ),
    RunbookEntry(
        "T411",
        "login-slow",
        Severity.INFO,
        title="logging in to a node takes long",
        means=(
            "Once connected it is as quick as ever. After a lost link nothing is known of it for so long, and "
            "triage may not wait for it."
        ),
        known_by="How long the connection took to stand: 3 s or more, and three times as long as another node's.",
        causes=(
            "PAM waits for something: a directory server, a home directory on another machine",
            "sshd asks a name server for our name (UseDNS)",
        ),
        steps=("look: time ssh NODE true, and sshd -T and /etc/pam.d/sshd there",),
    ),
    RunbookEntry(
        "T412",
        "node-floods",
        Severity.WARNING,
        title="a node says more than can be taken in",
        means="What floods is not read, and its values are unknown; the other nodes and sources are not held up.",
        known_by="A stream or an answer of the node beyond its bound, within the last minute.",
        causes=(
            "something adds and removes addresses, or restarts units, in a loop",
            "a program answers in place of the tool that was asked",
        ),
        steps=("look: ip monitor address, and journalctl --follow, on the node",),
    ),
    RunbookEntry(
        "T415",
        "unit-out-of-memory",
        Severity.WARNING,
        title="a unit was killed for lack of memory",
        means=("The kernel ended it. If it was restarted it serves again, until the next time."),
        known_by=("systemd's words in the journal of the last hour."),
        causes=(
            "too little memory for what runs on the node",
            "a service that grows without end",
        ),
        steps=("look: free -m and journalctl -k on the node",),
    ),
)
