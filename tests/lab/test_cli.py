"""The command line on the real pair, as a user or a script would call it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from iamops.render.privileges import privileged_commands
from iamops.session.profiles import load_profile
from tests.lab.slices import sliced

STATE = Path("/var/lib/iamops/lab")


def iamops(*argv: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "iamops", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


def as_login_user(node_address: str, command: str) -> subprocess.CompletedProcess[str]:
    """Over plain OpenSSH from the operator's namespace: shares no code with the product."""
    ssh = ["ssh", "-i", str(STATE / "id_ed25519"), "-o", f"UserKnownHostsFile={STATE / 'known_hosts'}"]
    ssh += ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", f"iamops@{node_address}", command]
    argv = ["ip", "netns", "exec", "iamops-op", *ssh]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


def test_status_json_has_one_owner_and_no_findings(lab):
    result = iamops("--profile", "lab", "status", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["schema"] == "iamops.status/1"
    assert len(document["vip"]["owners"]) == 1
    assert document["vip"]["client"]["ok"] is True
    assert document["findings"] == []
    states = sorted(node["keepalived"]["state"] for node in document["nodes"].values())
    assert states == ["BACKUP", "MASTER"]
    assert document["datastores"]["mongodb"]["from"] == {"iam-a": "ok", "iam-b": "ok"}
    assert result.stderr == ""


def test_status_as_a_table_fits_80_columns_and_has_no_escape_when_piped(lab):
    result = iamops("--profile", "lab", "status")
    assert result.returncode == 0
    assert "VIP 10.0.4.99 -> iam-" in result.stdout
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_wrong_host_key_is_refused_with_exit_4_and_the_next_step(lab, tmp_path):
    known = tmp_path / "known_hosts"
    other = (STATE / "known_hosts").read_text().split()[1:3]
    generated = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(generated)], check=True)
    wrong = " ".join(generated.with_suffix(".pub").read_text().split()[:2])
    assert wrong.split() != other
    known.write_text(f"10.0.4.20 {wrong}\n10.0.4.21 {wrong}\n")
    text = Path("profiles/lab.yaml").read_text().replace(str(STATE / "known_hosts"), str(known))
    profile = tmp_path / "lab.yaml"
    profile.write_text(text)
    result = iamops("--profile", str(profile), "status", "--json")
    assert result.returncode == 4
    document = json.loads(result.stdout)
    assert {node["link_error"] for node in document["nodes"].values()} == {"host-key-changed"}
    assert document["vip"]["owners"] is None
    # The client still gets its answer from the owner: that one is serving, and only we cannot see it.
    assert {finding["code"] for finding in document["findings"]} <= {"node-unreachable", "serving-unseen"}
    assert len(document["findings"]) == 2


# Each is one step away from something that is allowed, or the first thing an intruder would try.
FORBIDDEN = (
    "id",
    "bash",
    "su -",
    "visudo",
    "cat /etc/shadow",
    "/usr/bin/dd if=/etc/shadow iflag=nofollow status=none",
    "/usr/bin/dd if=/tmp/keepalived.json status=none",
    "/usr/bin/systemctl kill --kill-who=main --signal=9 keepalived.service",
    "/usr/bin/systemctl kill --kill-who=main --signal=36 nginx.service",
    "/usr/bin/systemctl stop ssh.service",
    "/usr/bin/systemctl restart systemd-journald.service",
    "/usr/bin/systemctl stop keepalived.service nginx.service",
    "/usr/bin/systemctl mask keepalived.service",
    "/usr/bin/systemctl disable nginx.service",
    "/usr/bin/systemctl edit nginx.service",
    "/usr/bin/systemctl poweroff",
    "/usr/bin/systemctl stop iamops-dead-man-nginx.service",
    "/usr/bin/systemctl --root=/tmp start nginx.service",
    "/usr/bin/systemd-run --quiet --collect --on-active=20s /usr/bin/id",
    "/usr/bin/systemd-run --quiet --collect --on-active=1s --timer-property=AccuracySec=50ms"
    " --unit=iamops-dead-man-nginx /usr/bin/systemctl start nginx.service",
    "/usr/bin/systemd-run --quiet --collect --on-active=20s --timer-property=AccuracySec=50ms"
    " --unit=iamops-dead-man-nginx /usr/bin/systemctl stop nginx.service",
    "/usr/bin/tee /etc/sudoers.d/iamops",
    "/usr/bin/tee /run/iamops-priority.VI_1 /etc/sudoers.d/iamops",
    "/usr/bin/tee /run/iamops-priority.VI_1",
    "/usr/bin/dd of=/run/iamops-priority.VI_1 status=none",
    "/usr/bin/dd of=/run/iamops-priority.VI_1 bs=16 count=1 oflag=append status=none",
    "/usr/bin/truncate --size=0 /etc/shadow",
    "/usr/bin/truncate --size=9G /run/iamops-priority.VI_1",
    "/usr/sbin/nginx -s stop",
    "/usr/sbin/nginx -t -q -c /tmp/mine.conf",
    "/usr/sbin/keepalived -t -f /tmp/mine.conf",
)


@pytest.mark.parametrize("node", ["iam-a", "iam-b"])
def test_the_login_user_may_run_every_generated_command_and_nothing_else(lab, node):
    profile = load_profile("lab")
    address = profile.nodes[node].address
    allowed = privileged_commands(profile, node)
    listed = as_login_user(
        address, "; ".join(f"sudo -n -l {shlex.join(argv)} || echo refused" for argv in allowed)
    )
    assert listed.stdout.splitlines() == [shlex.join(argv) for argv in allowed]
    tried = as_login_user(address, "; ".join(f"sudo -n {command} 2>&1; echo exit $?" for command in FORBIDDEN))
    *answers, rest = tried.stdout.split("exit 1\n")
    assert (len(answers), rest) == (len(FORBIDDEN), ""), tried.stdout
    for command, answer in zip(FORBIDDEN, answers, strict=True):
        assert answer == "sudo: a password is required\n", command


def test_the_login_user_controls_no_unit_that_the_node_does_not_have(lab):
    assert as_login_user("10.0.4.20", "sudo -n -l /usr/bin/systemctl start mariadb.service").returncode == 0
    assert as_login_user("10.0.4.21", "sudo -n -l /usr/bin/systemctl start mariadb.service").returncode != 0


def test_the_login_user_is_ordinary(lab):
    shown = as_login_user("10.0.4.20", "id -nG; cat /etc/keepalived/keepalived.conf /etc/shadow")
    groups = shown.stdout.splitlines()[0].split()
    assert set(groups) <= {"iamops", "adm", "systemd-journal"}
    assert shown.stdout.splitlines()[1:] == []


def test_a_dump_that_is_a_symbolic_link_is_not_followed(lab):
    """The login user must not be able to point root's read at another file."""
    plant = "ln -sf /etc/shadow /tmp/keepalived.data 2>/dev/null; ls -l /tmp/keepalived.data"
    lab.exec("iam-b", ["rm", "-f", "/tmp/keepalived.data"])
    try:
        assert "/etc/shadow" in as_login_user("10.0.4.21", plant).stdout
        read = as_login_user("10.0.4.21", "sudo -n /usr/bin/dd if=/tmp/keepalived.data iflag=nofollow status=none")
        assert read.returncode != 0
        assert "root:" not in read.stdout
    finally:
        lab.exec("iam-b", ["rm", "-f", "/tmp/keepalived.data"])


PLANTED = {
    "mkfifo -m 666 {}": "is no regular file",
    "ln -s /etc/shadow {}": "is no regular file",
    "touch {}": "was put there by another user",
    "mkdir {}": "is no regular file",
}


@pytest.mark.parametrize("plant", sliced(PLANTED, "ln -s /etc/shadow {}", "mkdir {}"))
def test_what_another_user_puts_in_the_place_of_a_dump_is_told_and_holds_up_nobody(lab, plant):
    path = "/tmp/keepalived.json"
    lab.exec("iam-b", ["rm", "-rf", path])
    try:
        assert as_login_user("10.0.4.21", plant.format(path)).returncode == 0
        status = json.loads(iamops("--profile", "lab", "status", "--json").stdout)
        assert f"{path} {PLANTED[plant]}" in json.dumps(status["nodes"]["iam-b"])
        assert b"dd if=/tmp/keepalived" not in lab.exec("iam-b", ["ps", "-eo", "args"]).stdout
    finally:
        lab.exec("iam-b", ["rm", "-rf", path])


def test_hostile_lines_in_the_access_log_reach_no_output_raw(lab):
    hostile = "\x1b]0;owned\x07\x1b[31m[bold red]x[/] \x00 \xff"
    script = 'printf "%b\\n" "$1" >> /var/log/nginx/access.log; logger -t keepalived -- "$1"'
    lab.exec("iam-a", ["sh", "-c", script, "hostile", hostile.replace("\x00", "\\0000")])
    for extra in ([], ["--json"]):
        result = iamops("--profile", "lab", "status", *extra)
        assert result.returncode == 0
        assert not set(result.stdout) & {"\x1b", "\x07", "\x00"}
    document = json.loads(iamops("--profile", "lab", "status", "--json").stdout)
    assert document["nodes"]["iam-a"]["requests"]["unparsed"] >= 1


def test_lab_exec_returns_the_commands_own_exit_code(lab):
    assert iamops("lab", "exec", "iam-b", "--", "sh", "-c", "exit 7").returncode == 7
    assert iamops("lab", "exec", "iam-b", "--", "hostname").stdout == "iam-b\n"
    assert iamops("lab", "exec", "iam-z", "--", "true").returncode == 2
