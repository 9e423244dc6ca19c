"""Every lint rule: N nginx, K keepalived, S scripts, P the nodes compared, L files against what runs."""

from __future__ import annotations

from iamops.judge.lint.finding import LintRule
from iamops.model.facts import Severity

C, W, I = Severity.CRITICAL, Severity.WARNING, Severity.INFO  # noqa: E741 - I for info, as in the table

_RULES = (
    LintRule("N001", C, "a `;` is missing", "nginx does not start, and refuses every reload", "end the line with `;`"),
    LintRule("N002", C, "nginx cannot read the file", "it does not start with it", "correct what the message names"),
    LintRule("N003", C, "no events block", "nginx refuses a configuration without one", "add `events { }`"),
    LintRule(
        "N004",
        W,
        "proxy_connect_timeout is not set",
        "with the default of 60 s every other request hangs for a minute while a node is off",
        "set `proxy_connect_timeout 1s;` in http",
    ),
    LintRule(
        "N005",
        W,
        "an error page that no location serves",
        "the location beside it has another name, so nginx's own page or a second 404 is sent",
        "name the same path in error_page and location, or leave both out",
    ),
    LintRule(
        "N006",
        W,
        "an upstream without the peer's backend",
        "requests stay on one node, and fail when its service does",
        "add a `server` line for the peer",
    ),
    LintRule(
        "N007",
        I,
        "the access log names neither host nor backend",
        "requests can be counted per node and status only, and a drain cannot be seen",
        "use the format `iamops` (logs.format in the profile)",
    ),
    LintRule("N008", C, "nginx -t fails on the node", "it would not start again", "correct what it says"),
    LintRule("K001", C, "keepalived cannot read the file", "it starts with less than was meant", "correct the line"),
    LintRule("K002", I, "a part that is not followed here", "it may change everything", "check it by hand"),
    LintRule(
        "K003",
        C,
        "garp or gna interval of 0",
        "out of range: `keepalived -t` exits with 5",
        "remove the line, or give it a value above 0",
    ),
    LintRule(
        "K004",
        W,
        "scripts run without script security",
        "whoever may change a script runs as root at the next check",
        "add `enable_script_security` and `script_user root`",
    ),
    LintRule(
        "K005",
        W,
        "script security without script_user",
        "keepalived looks for a user keepalived_script, and disables the scripts when there is none",
        "add `script_user root`",
    ),
    LintRule(
        "K006",
        W,
        "state MASTER",
        "it silently clears nopreempt: a node that recovers takes the VIP back",
        "use `state BACKUP` on every node; priorities decide",
    ),
    LintRule(
        "K007",
        C,
        "nopreempt with a weighted check",
        "a failing check only lowers the priority, and nopreempt keeps the VIP on the dead nginx",
        "set `weight 0`: a failure is then a FAULT",
    ),
    LintRule("K008", W, "one bad probe moves the VIP", "fall is 1, or not set, which is the same", "set `fall 2`"),
    LintRule("K009", C, "a tracked script that is not defined", "nothing is checked", "define the vrrp_script"),
    LintRule(
        "K010",
        W,
        "a tracked script that is defined after its use",
        "older versions ignore it, and check nothing",
        "move the vrrp_script above the instance",
    ),
    LintRule("K011", C, "vrrp_strict", "it drops all traffic to the VIP", "remove it"),
    LintRule(
        "K012",
        W,
        "priority 255",
        "it belongs to the address's owner (RFC 5798), and can never be raised or preempted",
        "use 1 to 254",
    ),
    LintRule("K013", W, "mail to an example server", "nobody is told of a move", "remove the mail lines"),
    LintRule(
        "K014",
        C,
        "unicast_src_ip is not the node's address",
        "the peer drops the adverts, and both become MASTER",
        "use the node's own address",
    ),
    LintRule("K015", W, "auth_pass is longer than 8 characters", "only the first eight count", "shorten it"),
    LintRule("K016", W, "others can read the password", "the file's mode lets everyone read auth_pass", "chmod 600"),
    LintRule("K017", C, "keepalived -t fails on the node", "it would not start as meant", "correct what it says"),
    LintRule(
        "K018",
        W,
        "keepalived -t complains about scripts",
        "a script it does not trust is not run: nothing is checked",
        "give the script and its directories to root, not writable by others",
    ),
    LintRule(
        "K019",
        W,
        "track_interface names the instance's own interface",
        "it is tracked anyway, and `keepalived -t` of 2.2 exits with 5",
        "remove it",
    ),
    LintRule(
        "K020",
        W,
        "the file has the line ends of Windows",
        "older versions of keepalived take the carriage return as part of the last word: of a password, a name",
        "remove the carriage returns: `sed -i 's/\\r$//'`",
    ),
    LintRule(
        "S001",
        C,
        "a check that cannot fail",
        "what is piped into `grep refused` passes when the tool is missing and when nginx hangs",
        "ask for an HTTP status within a time limit",
    ),
    LintRule(
        "S002",
        W,
        "a check that needs a tool which may be missing",
        "without it the check says no on a healthy node, or yes on a dead one",
        "use what every node has: bash's /dev/tcp",
    ),
    LintRule(
        "S003",
        W,
        "a check that starts or restarts something",
        "it hides the fault it should tell of, and may loop",
        "only look; let systemd restart",
    ),
    LintRule(
        "S004",
        W,
        "a check that goes through the VIP or to a backend",
        "it asks whoever owns the VIP, or the service behind nginx: not this node's nginx",
        "ask 127.0.0.1, for a server that answers by itself",
    ),
    LintRule("S005", C, "a script that is missing or not executable", "nothing is checked or told", "chmod 755 it"),
    LintRule("S006", W, "a script that others may change", "it runs as root", "chown root and chmod 755 it"),
    LintRule(
        "S007",
        W,
        "a check that only looks for the process",
        "a hung nginx is still there, and keeps the VIP",
        "ask for an HTTP status within a time limit",
    ),
    LintRule(
        "S008",
        C,
        "a script with the line ends of Windows",
        "the kernel looks for an interpreter whose name ends in a carriage return: the script is not run",
        "remove the carriage returns: `sed -i 's/\\r$//'`",
    ),
    LintRule("P001", C, "virtual_router_id differs", "the nodes do not hear each other: two masters", "make it equal"),
    LintRule("P002", C, "advert_int differs", "adverts are dropped, or come too late: two masters", "make it equal"),
    LintRule("P003", C, "the authentication differs", "adverts are dropped: two masters", "make it equal"),
    LintRule("P004", C, "the VRRP version differs", "adverts are not understood: two masters", "make it equal"),
    LintRule("P005", C, "the VIPs differ", "adverts are refused, and a move changes the address", "make them equal"),
    LintRule(
        "P006",
        C,
        "unicast_src_ip and unicast_peer are not mirrored",
        "one side's adverts never arrive: two masters",
        "each node names the other's unicast_src_ip as a peer",
    ),
    LintRule("P007", C, "one unicast, one multicast", "they do not hear each other: two masters", "the same on both"),
    LintRule(
        "P008",
        W,
        "nopreempt is missing on the higher priority",
        "that node takes the VIP back as soon as it recovers: one more outage",
        "set nopreempt on every node",
    ),
    LintRule("P009", W, "equal priorities", "who wins is decided by the address", "give each node its own"),
    LintRule("P010", C, "an instance on one node only", "nobody takes its VIP over", "define it on every node"),
    LintRule(
        "L001",
        W,
        "the file is newer than what runs",
        "it was never loaded: the next restart changes more than anyone expects",
        "reload the unit, or `iamops config push`",
    ),
    LintRule(
        "L002",
        W,
        "the file is not what the profile asks for",
        "somebody changed it by hand, or the profile since the last push",
        "`iamops config diff`, then `iamops config push`",
    ),
    LintRule("L003", I, "cannot tell", "a file that other rules need is not there", "lint the whole of /etc"),
    LintRule("L004", W, "an unknown code is silenced", "it silences nothing", "correct lint.silence in the profile"),
)  # fmt: skip
CATALOGUE = {rule.code: rule for rule in _RULES}


def lint_markdown() -> str:
    """docs/lint.md's table."""
    rows = ["| code | severity | what | why | fix |", "|---|---|---|---|---|"]
    rows += [f"| {r.code} | {r.severity} | {r.title} | {r.why} | {r.fix} |" for r in _RULES]
    return "\n".join(rows) + "\n"
