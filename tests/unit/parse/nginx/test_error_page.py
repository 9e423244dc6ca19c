"""Which location serves an error page."""

from __future__ import annotations

import time

import pytest

from iamops.parse.nginx.conf import HOME, nginx_conf, servers
from iamops.parse.nginx.error_page import page_of, reaches_backend

ALL = "location / { proxy_pass http://192.0.2.20; }"


def why(locations: str, target: str) -> str:
    text = f"events {{ }} http {{ server {{ {locations} }} }}"
    return reaches_backend(servers(nginx_conf({f"{HOME}/nginx.conf": text}))[0], target)


@pytest.mark.parametrize(
    ("locations", "target"),
    [
        (ALL, "/50x.html"),
        (f"{ALL} location = /5xx.html {{ root /a; }}", "/50x.html"),
        ("location ^~ / { proxy_pass http://192.0.2.20; } location ~ html { root /a; }", "/50x.html"),
        ("location / { fastcgi_pass 192.0.2.20:9000; }", "/50x.html"),
        (f"{ALL} location /a/ {{ location ~ html {{ root /a; }} }}", "/50x.html"),
        ("location ~ ^/ { proxy_pass http://192.0.2.20; } location /a/ { root /a; }", "/a/50x.html"),
        ("location @sorry { return 503; }", "@sory"),
    ],
)
def test_a_page_that_everything_is_passed_on_with_is_not_served(locations: str, target: str):
    assert why(locations, target) == f"no `location {target if target.startswith('@') else f'= {target}'}`"


@pytest.mark.parametrize(
    ("locations", "target"),
    [
        (f"{ALL} location = /50x.html {{ root /a; }}", "/50x.html"),
        (f"{ALL} location /errors/ {{ root /a; }}", "/errors/50x.html"),
        (f"{ALL} location ~ ^/[45] {{ root /a; }}", "/50x.html"),
        (f"{ALL} location ~* HTML$ {{ root /a; }}", "/50x.html"),
        (f"{ALL} location ~ ((a+)+)+$ {{ root /a; }}", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"),
        (f"{ALL} location ~ (?>x) {{ root /a; }} location ~ [ {{ root /a; }}", "/50x.html"),
        (f"{ALL} location /e/ {{ proxy_pass http://192.0.2.30; }}", "/e/50x.html"),
        ("location / { try_files $uri @a; } location @a { proxy_pass http://192.0.2.20; }", "/50x.html"),
        ("location / { proxy_pass http://192.0.2.20; location = /50x.html { root /a; } }", "/50x.html"),
        ("location @sorry { return 503; }", "@sorry"),
        ("", "/50x.html"),
    ],
)
def test_a_page_with_a_location_of_its_own_is_served(locations: str, target: str):
    before = time.perf_counter()
    assert why(locations, target) == ""
    assert time.perf_counter() - before < 1.0


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("error_page 404 /a.html;", "/a.html"),
        ("error_page 404 =200 /a.html?b;", "/a.html"),
        ("error_page 404 = @b;", "@b"),
        ("error_page 404 /$host.html;", ""),
        ("error_page 404 https://www.example.com/;", ""),
    ],
)
def test_the_page_is_the_last_word(text: str, page: str):
    (http,) = nginx_conf({f"{HOME}/nginx.conf": f"http {{ {text} }}"}).directives
    assert page_of(http.block[0]) == page
