"""Rules about the scripts that keepalived runs."""

from __future__ import annotations

import pytest

from iamops.judge.lint.lint import lint
from tests.support.lint_trees import CHECK, KEEPALIVED, LAB, codes, edited, on_both


def checked_by(command: str) -> set[str]:
    """Codes for a check that is a command of its own, without a script."""
    return codes(lint(on_both(KEEPALIVED, "/etc/keepalived/check_nginx.sh 2", command), LAB))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/usr/bin/killall -0 nginx", {"S002", "S007"}),
        ("/usr/bin/pgrep -x nginx", {"S007"}),
        ("/bin/pidof nginx", {"S002", "S007"}),
        ("/bin/systemctl is-active nginx", {"S007"}),
        ("/usr/bin/curl -fs http://127.0.0.1/", {"S002"}),
        ("/usr/bin/curl -fs -H 'Host: iam.api.marmotedu.com' http://127.0.0.1/healthz", {"S002", "S004"}),
        ("/usr/bin/curl -fs http://10.0.4.99/", {"S002", "S004"}),
        ("/bin/systemctl restart nginx", {"S003"}),
        ("/usr/sbin/nginx", {"S003"}),
        ("/usr/local/bin/ask-nginx", set()),
        ("/bin/bash /etc/keepalived/check_nginx.sh 2", set()),
        ("/bin/bash /etc/keepalived/other.sh", {"S005"}),
    ],
)
def test_a_check_without_a_script_is_judged_by_its_command(command: str, expected: set[str]):
    assert checked_by(command) == expected


def test_restarting_in_a_script_is_found_wherever_it_stands():
    for line in ("[ -z $x ] && nginx", "if ! pidof nginx; then /usr/sbin/nginx -s reload; fi", "pkill keepalived"):
        assert "S003" in codes(lint(edited(CHECK, "ask() {", f"{line}\nask() {{"), LAB)), line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("killall -s 0 nginx", {"S002"}),
        ("echo 'systemctl restart nginx'", set()),
        ("tools=(curl wget nginx)", set()),
        ("service nginx status", set()),
        ("docker restart web", {"S003"}),
        ('[ -n "$(pidof nginx)" ]', {"S002"}),
        ("exec 3<>/dev/tcp/10.0.4.99/80", {"S004"}),
        ("timeout 2 curl -fs http://127.0.0.1/ | grep -qv refused", {"S001", "S002"}),
        ("nginx -t -q", set()),
        ("cat <<EOF\nsystemctl stop keepalived\nEOF", set()),
    ],
)
def test_a_script_is_judged_by_what_it_runs(line: str, expected: set[str]):
    """The script asks for a status elsewhere: so looking for a process is not all that it does."""
    assert codes(lint(edited(CHECK, "ask() {", f"{line}\nask() {{"), LAB)) == expected
