"""Which server answers a request, and where nginx's files pass it on."""

from __future__ import annotations

import pytest

from iamops.model.running import Upstream, UpstreamServer
from iamops.parse.nginx.conf import nginx_conf
from iamops.parse.nginx.routing import answers_itself, upstreams_by_domain

HOME = "/etc/nginx/nginx.conf"


def hosts(*servers: str) -> tuple[str, ...]:
    return answers_itself(nginx_conf({HOME: f"http {{ {' '.join(servers)} }}"}), 80)


def test_a_server_that_returns_answers_itself():
    assert hosts("server { server_name a.localhost b.test; return 204; }") == ("a.localhost", "b.test")


@pytest.mark.parametrize(
    "listen", ["80", "*:80", "0.0.0.0:80", "[::]:80", "80 default_server", "443 ssl; listen 80"]
)
def test_a_server_that_listens_everywhere_in_the_clear_counts(listen: str):
    assert hosts(f"server {{ listen {listen}; server_name a.test; return 200 ok; }}") == ("a.test",)


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
        "server { listen 127.0.0.1:80; server_name a.test; return 204; }",
        "server { listen 8081; server_name a.test; return 204; }",
        "server { listen 443 ssl; server_name a.test; return 204; }",
        "server { listen 80 proxy_protocol; server_name a.test; return 204; }",
        "server { listen unix:/run/x.sock; server_name a.test; return 204; }",
        "server { server_name a.test; return 204; } server { listen 10.0.4.99:80; server_name b.test; }",
        # Without a port it is port 80 of this address, not port 99 of another one.
        "server { server_name a.test; return 204; } server { listen 10.0.4.99; server_name b.test; }",
    ],
)
def test_others_do_not(server: str):
    assert hosts(server) == ()


def test_the_policy_is_read_from_the_upstream_that_the_domain_is_passed_to():
    text = (
        "http { upstream one { zone one 64k; server 10.0.4.20:8080 max_fails=3 fail_timeout=1m;"
        " server b:80 down; }"
        " upstream two { server 10.0.4.20:9090; }"
        " server { server_name api.example.com www.example.com; location / { proxy_pass http://one; } }"
        " server { server_name authz.example.com; location /x { location /x/y { proxy_pass http://two/z; } } }"
        " server { server_name none.example.com; return 204; } }"
    )
    found = upstreams_by_domain(nginx_conf({"/etc/nginx/nginx.conf": text}))
    one = Upstream((UpstreamServer("10.0.4.20:8080", 3, 60.0), UpstreamServer("b:80", down=True)), True)
    assert found == {
        "api.example.com": one,
        "www.example.com": one,
        "authz.example.com": Upstream((UpstreamServer("10.0.4.20:9090", 1, 10.0),), False),
    }
