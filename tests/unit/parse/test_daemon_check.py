"""What the daemons' own tests say: captured from keepalived 2.2.7 and nginx 1.22."""

from __future__ import annotations

import pytest

from iamops.model.config import DaemonCheck
from iamops.parse.config_files import MOST, complaints


def kinds(daemon: str, status: int | None, said: str) -> list[tuple[str, int | None, str]]:
    return [
        (each.kind, each.line, each.message) for each in complaints(DaemonCheck("iam-a", daemon, status, said))
    ]


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (0, "", []),
        (0, '"vrrp_track_file" is deprecated, please use "track_file"', []),
        (
            5,
            "(Line 3) number '0' outside range [0.000001, 4294.967295]",
            [("error", 3, "number '0' outside range [0.000001, 4294.967295]")],
        ),
        (
            5,
            "(/etc/k.conf: Line 31) invalid number 'x51'\n(VI_1) the virtual router id must be set",
            [("error", 31, "invalid number 'x51'"), ("error", None, "(VI_1) the virtual router id must be set")],
        ),
        (
            6,
            "SECURITY VIOLATION - scripts are being executed but script_security not enabled.",
            [
                (
                    "security",
                    None,
                    "SECURITY VIOLATION - scripts are being executed but script_security not enabled.",
                )
            ],
        ),
        (
            5,
            "Disabling track script check_nginx_VI_1 due to insecure",
            [("security", None, "Disabling track script check_nginx_VI_1 due to insecure")],
        ),
        # 2.2.7 ends itself with a script_user: no complaint, and no reason to believe in one.
        (143, "", []),
        (None, "", []),
        (4, "", [("error", None, "exit code 4 without a word")]),
    ],
)
def test_keepalived(status, said, expected):
    assert kinds("keepalived", status, said) == expected


def test_the_largest_exit_code_does_not_hide_what_is_worse():
    said = "(Line 3) Unknown keyword 'nonsense'\nUnsafe permissions found for script '/etc/keepalived/check.sh'."
    assert [kind for kind, _, _ in kinds("keepalived", 6, said)] == ["error", "security"]


def test_nginx():
    said = (
        '2026/11/24 15:58:19 [emerg] 2900#2900: invalid number of arguments in "sendfile" directive '
        "in /etc/nginx/nginx.conf:30\nnginx: configuration file /etc/nginx/nginx.conf test failed"
    )
    assert kinds("nginx", 1, said) == [("error", 30, 'invalid number of arguments in "sendfile" directive')]
    warned = 'nginx: [warn] conflicting server name "a" on 0.0.0.0:80, ignored'
    assert [kind for kind, _, _ in kinds("nginx", 0, warned)] == ["warning"]
    assert kinds("nginx", 1, "") == [("error", None, "exit code 1")]


@pytest.mark.parametrize("daemon", ["nginx", "keepalived"])
def test_of_thousands_of_complaints_the_first_are_told(daemon):
    said = "".join(f"(/etc/x: Line {n}) [emerg] odd {n}\n" for n in range(5000))
    found = complaints(DaemonCheck("iam-a", daemon, 1, said))
    assert len(found) == MOST
    assert "odd 0" in found[0].message
