"""Where values stand in a line: between literals, by their own shape, and in front of what a client writes."""

from __future__ import annotations

import pytest

from iamops.accesslog.count import values
from iamops.accesslog.format import FormatError, named_format
from iamops.accesslog.values import first_attempts

ASKED = "198.51.100.11:80, [2001:db8::12]:80 : unix:/run/a_1.sock"


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("$status$request_time$msec$remote_addr", "2001.2341795542389.120192.0.2.7", {"remote_addr": "192.0.2.7"}),
        ("$msec-$request_time-$status", "1795542389.120-0.001-200", {"request_time": "0.001", "status": "200"}),
        ("$remote_addr:$remote_port $status", "2001:db8::7:4711 200", {"remote_addr": "2001:db8::7"}),
        ("$remote_addr:$remote_port $status", "unix:: 200", {"remote_addr": "unix:", "remote_port": ""}),
        ("[$upstream_addr]$status", f"[{ASKED}]200", {"upstream_addr": ASKED, "status": "200"}),
        ("$upstream_addr,$status", f"{ASKED},200", {"upstream_addr": ASKED, "status": "200"}),
        ("$upstream_addr $status", f"{ASKED} 200", {"upstream_addr": ASKED, "status": "200"}),
        ("$upstream_addr  : $status", f"{ASKED}  : 200", {"upstream_addr": ASKED, "status": "200"}),
        ("$status $upstream_addr", "200  : 198.51.100.11:80", {"upstream_addr": " : 198.51.100.11:80"}),
        ("$upstream_addr $status", "198.51.100.11:80 :  200", {"upstream_addr": "198.51.100.11:80 : "}),
    ],
)
def test_a_value_is_found_by_its_shape(text: str, line: str, found: dict[str, str]):
    form = named_format(text)
    assert not form.doubtful.keys() & found.keys()
    taken = values(form, line, found) or {}
    assert {name: taken[name] for name in found} == found


@pytest.mark.parametrize("between", [", ", " : ", "-"])
def test_a_list_is_refused_where_what_follows_may_be_more_of_it(between: str):
    with pytest.raises(FormatError, match=r"\$upstream_addr cannot be told apart.*put quotes around it"):
        named_format(f"$upstream_addr{between}$upstream_status $status")


def test_what_a_client_adds_to_a_list_is_no_attempt():
    form = named_format("$upstream_addr|$status $upstream_status $http_x")
    assert form.counted == {"upstream_status"}
    assert first_attempts("502, 200 : 500", like="a, b") == "502, 200"
    assert first_attempts("502", like="a, b") == "502"
    assert first_attempts("502, 200", like="") == "502"
