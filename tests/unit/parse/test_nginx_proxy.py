"""What nginx's files say of hosts that need no backend."""

from __future__ import annotations

import pytest

from console.parse.nginx_conf import nginx_conf
from console.parse.nginx_proxy import answers_itself

HOME = "/etc/nginx/nginx.conf"


def hosts(*servers: str) -> tuple[str, ...]:
    return answers_itself(nginx_conf({HOME: f"http {{ {' '.join(servers)} }}"}))


def test_a_server_that_returns_answers_itself():
    assert hosts("server { server_name a.localhost b.test; return 204; }") == ("a.localhost", "b.test")


@pytest.mark.parametrize(
    "server",
    [
        "server { server_name a.test; return 301 https://a.test; }",
        "server { server_name a.test; return 404; }",
        "server { server_name a.test; location / { proxy_pass http://up; } }",
        "server { server_name a.test; return 200; location /x { proxy_pass http://up; } }",
        "server { server_name _ *.test ~^x$ .test; return 204; }",
        "server { return 204; }",
        "server { server_name a.test; }",
    ],
)
def test_others_do_not(server: str):
    assert hosts(server) == ()
