"""The runbook's pages about the datastores: T3xx."""

from __future__ import annotations

from iamops.judge.runbook.entry import RunbookEntry
from iamops.model.facts import Severity

ENTRIES = (
    RunbookEntry(
        "T301",
        "datastore-down",
        Severity.CRITICAL,
        title="a datastore does not answer",
        means="What needs it fails: with MariaDB gone no IAM service works, whoever has the VIP.",
        known_by="A protocol greeting from every node, without credentials.",
        causes=("its unit is stopped or failed", "its node is off", "a firewall"),
        steps=("iamops status", "look: the datastore's journal on its node"),
    ),
    RunbookEntry(
        "T302",
        "datastore-host-not-allowed",
        Severity.CRITICAL,
        title="the database does not let a node in",
        means="Services on that node fail every request that needs data, while their health pages say ok.",
        known_by="The server's greeting: MySQL error 1130 (or 1129, blocked), Redis DENIED.",
        causes=("the grant for the node's address is missing", "too many broken handshakes (1129): FLUSH HOSTS"),
        steps=("look: the grants for the node (SELECT user, host FROM mysql.user)",),
    ),
    RunbookEntry(
        "T303",
        "datastore-too-many-connections",
        Severity.CRITICAL,
        title="a datastore has no connections left",
        means="New connections are refused; pools that lose one do not get it back.",
        known_by="The server's greeting: MySQL error 1040, Redis `max number of clients`.",
        causes=("a leak in a service's pool", "max_connections too small for the pools of all services"),
        steps=("look: SHOW PROCESSLIST on the datastore's node",),
    ),
    RunbookEntry(
        "T304",
        "datastore-write-errors",
        Severity.CRITICAL,
        title="Redis refuses writes",
        means="Reads work, writes fail: logins and audit records are lost.",
        known_by="Redis answers PING with MISCONF when it could not save to its disk.",
        causes=("its disk is full", "its directory may not be written"),
        steps=("look: df -h and the log of Redis on its node", "iamops status"),
    ),
    RunbookEntry(
        "T305",
        "pump-lags",
        Severity.WARNING,
        title="the pump cannot write to MongoDB",
        means="Audit records pile up in Redis and are lost when its memory is full.",
        known_by="MongoDB's greeting from the pump's node, while the pump runs.",
        causes=("MongoDB is down", "the way to it is cut"),
        steps=("iamops status", "look: MongoDB's journal on its node"),
    ),
    RunbookEntry(
        "T306",
        "datastore-refuses-writes",
        Severity.CRITICAL,
        title="a datastore answers and takes no writes",
        means=(
            "Whoever reads is served; logins, new users, policies and audit records fail. Health pages stay green."
        ),
        known_by=(
            "What the services themselves write into their journals in the last minute as errors, in the servers' "
            "own words: read-only, locked, READONLY, MISCONF, OOM, not primary."
        ),
        causes=(
            "a backup holds its tables locked",
            "it was made read-only, or a replica, and nobody turned it back",
            "its memory or its disk is full",
        ),
        steps=(
            "look: its log; SHOW PROCESSLIST and SELECT @@read_only; INFO replication; rs.status()",
            "iamops traffic --since 5m --by status",
        ),
    ),
)
