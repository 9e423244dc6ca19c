"""The runbook's pages about nginx and the backends (T2xx), and about the datastores (T3xx)."""

from __future__ import annotations

from iamops.judge.runbook.entry import RunbookEntry
from iamops.model.facts import Severity

ENTRIES = (
    RunbookEntry(
        "T201",
        "nginx-hung",
        Severity.CRITICAL,
        title="nginx accepts connections and does not answer",
        means="Clients wait until they give up. A check that only looks for the process sees nothing.",
        known_by="HTTP through nginx from the node itself, for every domain: all time out on a living link.",
        causes=("its workers are blocked or stopped", "the disk or a name server holds them up"),
        steps=("iamops restart nginx NODE", "look: journalctl -u nginx on the node"),
    ),
    RunbookEntry(
        "T202",
        "nginx-bad-answers",
        Severity.CRITICAL,
        title="nginx answers badly",
        means="At least one domain is answered with an error, or not at all.",
        known_by="HTTP through nginx from the node itself, with each domain's Host header.",
        causes=("no backend answers", "a server block that is wrong"),
        steps=("look: tail the error log on the node", "iamops traffic --since 5m --by backend"),
    ),
    RunbookEntry(
        "T203",
        "nginx-config-invalid",
        Severity.CRITICAL,
        title="nginx's configuration on the disk is invalid",
        means=(
            "A running nginx serves on with what it once read. It refuses every reload, and after a "
            "stop it stays down."
        ),
        known_by="`nginx -t` on the node.",
        causes=("a file was edited and never tested", "a certificate or an included file is gone"),
        steps=("iamops config lint", "iamops config diff"),
    ),
    RunbookEntry(
        "T204",
        "nginx-connections-exhausted",
        Severity.CRITICAL,
        title="nginx has run out of worker connections",
        means="New clients are turned away though the machine has time. A warning while only idle ones go.",
        known_by="nginx's error log: `worker_connections are not enough` within five minutes.",
        causes=("more clients than worker_connections allow", "slow backends, so that requests pile up"),
        steps=("look: ss -s on the node", "iamops traffic --since 5m --by backend"),
    ),
    RunbookEntry(
        "T205",
        "service-unhealthy",
        Severity.WARNING,
        title="a service runs and is not healthy",
        means="Its process is there and its health page says no, or nothing.",
        known_by="HTTP to the service's own port on its node.",
        causes=("a datastore it needs is away", "it hangs or is still starting"),
        steps=("look: journalctl -u SERVICE on the node", "iamops status"),
    ),
    RunbookEntry(
        "T206",
        "backend-not-reachable",
        Severity.WARNING,
        title="a backend answers at home and not to its peers",
        means=(
            "The peer's nginx cannot use it: round robin silently loses half, and a failure of the "
            "other half is an outage."
        ),
        known_by="HTTP to the service from its own node and from every peer.",
        causes=("it is bound to 127.0.0.1", "a firewall between the nodes"),
        steps=("look: ss -ltn on the node", "look: nft list ruleset on the node"),
    ),
    RunbookEntry(
        "T207",
        "proxy-fails",
        Severity.CRITICAL,
        title="a service is healthy and nginx beside it answers 502 or 504",
        means="What stands between them is wrong, not the service.",
        known_by="HTTP to the service's port against HTTP through nginx, on one node.",
        causes=(
            "the upstream names other addresses or ports",
            "the first backend in the list is dead and is not given up",
        ),
        steps=("iamops config diff", "iamops config lint"),
    ),
    RunbookEntry(
        "T208",
        "backend-masked",
        Severity.WARNING,
        title="nginx serves a domain though its own backend does not answer",
        means="The other node does all the work: clients see nothing, and there is no reserve.",
        known_by="HTTP through nginx against HTTP to the service's own port, on one node.",
        causes=("the service on this node is down or hangs",),
        steps=("look: journalctl -u SERVICE on the node", "iamops status"),
    ),
    RunbookEntry(
        "T209",
        "requests-failing",
        Severity.CRITICAL,
        title="the health pages are fine and real requests fail",
        means="Users get errors that no health check sees.",
        known_by="The access logs' last minute: at least 3 answers of 5xx, and 2 %.",
        causes=("the database refuses a node, is down, or has no connections left", "a fault in the service"),
        steps=("iamops traffic --since 5m --by backend", "iamops status"),
    ),
    RunbookEntry(
        "T210",
        "errors-since-move",
        Severity.CRITICAL,
        title="since the VIP moved more requests fail",
        means="The new owner serves worse than the old one did.",
        known_by=(
            "The share of 5xx and 499 in the access logs, five minutes before the last move against all after it."
        ),
        causes=("the new owner's backends or its way to the database", "clients that the gap cut off"),
        steps=("iamops traffic --since 15m --by status", "iamops status"),
    ),
    RunbookEntry(
        "T211",
        "uneven-split",
        Severity.WARNING,
        title="a backend gets far less than its share",
        means="Round robin does not do what it should: one backend carries what two are meant to.",
        known_by=(
            "Answers by backend in each node's access log of five minutes; below half of the share, "
            "and beyond chance."
        ),
        causes=("the backend does not answer its peer", "the upstream does not name it, or names it as down"),
        steps=("iamops traffic --since 5m --by backend", "iamops config diff"),
    ),
    RunbookEntry(
        "T212",
        "backend-silent",
        Severity.CRITICAL,
        title="a backend accepts requests and does not answer, and nginx sends it requests",
        means=(
            "A part of all requests hangs until nginx gives up waiting. The others are served, so health pages "
            "and single looks at the VIP are good or bad by turns."
        ),
        known_by=(
            "HTTP from the node whose nginx clients come to, to each backend that this nginx sends requests to: "
            "the connection is made, and nothing comes."
        ),
        causes=("the service hangs, or its process is stopped", "its machine is paused, or has no time to run"),
        steps=(
            "iamops restart iam-apiserver NODE",
            "iamops traffic --since 5m --by backend",
            "look: is the machine paused? its console, or the hypervisor's",
        ),
    ),
    RunbookEntry(
        "T213",
        "no-live-upstreams",
        Severity.CRITICAL,
        title="nginx has given every backend up, and answers 502 by itself",
        means=(
            "After max_fails failures a backend is left alone for fail_timeout (one failure and ten seconds "
            "unless it is set). With all of them left alone nginx asks nobody: services that are healthy again "
            "are still dark."
        ),
        known_by=("nginx's error log of the last seconds."),
        causes=("all backends were restarted within fail_timeout", "the only backend that is left was slow once"),
        steps=("iamops traffic --since 5m --by backend", "iamops status"),
    ),
    RunbookEntry(
        "T214",
        "nginx-worker-died",
        Severity.WARNING,
        title="a worker of nginx died",
        means=("Its connections died with it; nginx starts another one. If it goes on, clients see resets."),
        known_by=("nginx's error log of the last ten minutes: a worker exited on a signal."),
        causes=("a module that crashes", "the kernel killed it for its memory (signal 9)"),
        steps=("look: journalctl -k on the node", "look: the modules that nginx loads"),
    ),
    RunbookEntry(
        "T215",
        "nginx-open-files",
        Severity.CRITICAL,
        title="nginx has no file descriptors left",
        means=("Connections of clients or to backends are refused."),
        known_by=("nginx's error log of the last minute: too many open files."),
        causes=("worker_rlimit_nofile or LimitNOFILE is too low for this many connections",),
        steps=("look: worker_rlimit_nofile in nginx.conf and LimitNOFILE of its unit",),
    ),
)


DATASTORES = (
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
