"""Nodes with odd shells, logs and journals: each is told as what it is, nothing is invented, none is silence."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tests.lab.acting import ActingLab
from tests.lab.triage_faults import B, asked, done

SSHD = "/etc/ssh/sshd_config.d/00-odd.conf"
RC = "/home/iamops/.bashrc"
JOURNALD = "/etc/systemd/journald.conf.d/odd.conf"
JOURNALCTL = "systemctl restart systemd-journald"
LOG = "/var/log/nginx/access.log"
# What was once read out of the words of a shell.
INVENTED = {"nginx-config-invalid", "notify-log-missing", "unit-down", "keepalived-silent"}


@dataclass(frozen=True)
class Odd:
    """A node that is odd in one way, and a pattern of the words that tell why it is silent."""

    what: str
    line: str
    undo: str
    words: str = ""


def shell(path: str) -> tuple[str, str]:
    return f"usermod -s {path} iamops", "usermod -s /bin/bash iamops"


def sshd(line: str) -> tuple[str, str]:
    return f"echo '{line}' > {SSHD}; systemctl reload ssh", f"rm -f {SSHD}; systemctl reload ssh"


def rc(line: str) -> tuple[str, str]:
    """First of all: bash reads it for ssh's commands too, and the shipped one ends early there."""
    return (
        f"cp -p {RC} /root/bashrc; printf '%s\\n' '{line}' | cat - /root/bashrc > {RC}",
        f"cp -p /root/bashrc {RC}",
    )


SILENT = (
    Odd("nologin", *shell("/usr/sbin/nologin"), "This account is currently not available"),
    Odd("false", *shell("/bin/false"), r"ran nothing \(exit 1\)"),
    Odd("forced", *sshd("Match User iamops\\n ForceCommand echo backup done"), "printed 'backup done"),
    Odd("no session", *sshd("MaxSessions 0"), "opens no further session"),
    Odd("slow", *rc("sleep 9"), "ran nothing within|no answer for [2-9] s"),
)
NOISY = (
    Odd("noisy", *rc("echo Welcome to iam-b; echo mesg: ttyname failed >&2; printf half")),
    Odd(
        "dash with a banner",
        "usermod -s /bin/dash iamops; yes banner | head -200 > /etc/issue.odd; "
        f"echo Banner /etc/issue.odd > {SSHD}; systemctl reload ssh",
        f"usermod -s /bin/bash iamops; rm -f {SSHD} /etc/issue.odd; systemctl reload ssh",
    ),
)


def test_a_shell_that_runs_nothing_is_a_critical_finding_with_its_words(triage_lab: ActingLab) -> None:
    for odd in SILENT:
        with done(B, odd.line, odd.undo)(triage_lab):
            seen = triage_lab.run("triage", "--json")
            document = json.loads(seen.out)
            told = [each for each in document["findings"] if each["code"] == "node-silent"]
            assert seen.code == 1, (odd.what, seen.err)
            assert [each["severity"] for each in told] == ["critical"], (odd.what, document["findings"])
            said = " ".join([told[0]["title"], *(str(each) for each in told[0]["evidence"])])
            assert re.search(odd.words, said), (odd.what, said)
            assert not INVENTED & {each["code"] for each in document["findings"] if each["node"] == B}, odd.what


def test_a_shell_that_runs_nothing_is_told_by_status_and_refuses_actions(triage_lab: ActingLab) -> None:
    odd = SILENT[0]
    with done(B, odd.line, odd.undo)(triage_lab):
        status = triage_lab.run("status")
        assert (status.code, "node-silent" in status.err) == (4, False)
        assert "up, silent" in status.out or "✓ up" in status.out
        assert re.search(odd.words, status.out)
        refused = triage_lab.act("restart", "nginx", B)
        assert refused.code in (3, 4)
        assert "dead-man-armed" not in refused.denied


def test_what_a_noisy_shell_says_is_no_value(triage_lab: ActingLab) -> None:
    for odd in NOISY:
        with done(B, odd.line, odd.undo)(triage_lab):
            seen = triage_lab.run("triage", "--json", "--fail-on", "info")
            document = json.loads(seen.out)
            assert (seen.code, document["findings"], document["unlooked"]) == (0, [], {}), odd.what
            plan = triage_lab.run("restart", "nginx", B, "--dry-run")
            assert plan.code == 0, (odd.what, plan.out, plan.err)
            assert "Welcome" not in plan.out + seen.out


def test_a_log_that_was_deleted_is_unknown_and_no_zero(triage_lab: ActingLab) -> None:
    asked(triage_lab, 5, "/healthz")
    with done("iam-a", f"rm -f {LOG} {LOG}.*", "nginx -s reopen")(triage_lab):
        traffic = triage_lab.run("traffic", "--since", "5m", "--json")
        document = json.loads(traffic.out)
        assert traffic.code == 4
        assert (document["nodes"]["iam-a"]["total"], document["cluster"]["total"]) == (None, None)
        assert "there is no" in document["nodes"]["iam-a"]["total_unknown"]
        triage = json.loads(triage_lab.run("triage", "--json").out)
        assert "requests-failing" not in triage["checked"]


def test_without_a_journal_its_rules_are_not_asked(triage_lab: ActingLab) -> None:
    keep_none = f"mkdir -p {JOURNALD.rpartition('/')[0]}; printf '[Journal]\\nStorage=none\\n' > {JOURNALD}"
    with done(B, f"{keep_none}; {JOURNALCTL}", f"rm -f {JOURNALD}; {JOURNALCTL}")(triage_lab):
        document = json.loads(triage_lab.run("triage", "--json").out)
    blind = {each["code"]: each["because"] for each in document["blind"] if each["node"] == B}
    for code in ("vip-flapping", "keepalived-restarted", "unit-restarted", "foreign-adverts"):
        assert "Storage=none" in blind[code]
        assert code not in document["checked"]
