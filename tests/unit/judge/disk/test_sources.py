"""Which files a daemon reads, which are at hand, and which were changed since it read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.disk.keepalived import keepalived_unloaded, nginx_unloaded
from iamops.model.config import ConfFile, FileListing
from iamops.model.running import Unloaded
from tests.support.files_on_disk import KEEPALIVED, NGINX, PROFILE, listing, one_nginx_conf, other_files, seen


@pytest.mark.parametrize("include", ["/etc/keepalived/conf.d/*.conf", "/srv/vrrp.conf", "/etc/keepalived/$FILE"])
def test_an_instance_in_an_included_file_that_was_not_read_is_not_gone(include: str):
    own = seen("iam-a")
    text = own.tree.files[KEEPALIVED].content
    head = text[: text.index("vrrp_instance")] + f"include {include}\n"
    listed = listing({KEEPALIVED: 1100.0, "/etc/keepalived/conf.d/vi.conf": 900.0})
    split = other_files(own, {KEEPALIVED: ConfFile(KEEPALIVED, head, changed_at=1100.0)}, listed)
    found = keepalived_unloaded(split, [seen("iam-b")], "keepalived")
    assert found.differences == found.conflicts == ()
    closed = replace(listed, files={KEEPALIVED: 1100.0}, listed=frozenset())
    found = keepalived_unloaded(
        other_files(own, split.tree.files, closed), [seen("iam-b", dump=None)], "keepalived"
    )
    assert found.unknown[0] == f"{include} was not read"


@pytest.mark.parametrize("word", ["include", "includer", "includem"])
def test_an_included_instance_that_was_read_is_compared(word: str):
    own, part = seen("iam-a"), "/etc/keepalived/conf.d/vi.conf"
    text = own.tree.files[KEEPALIVED].content
    at = text.index("vrrp_instance")
    files = {
        KEEPALIVED: ConfFile(KEEPALIVED, f"{text[:at]}{word} conf.d/*.conf\n", changed_at=900.0),
        part: ConfFile(part, text[at:].replace("priority 100", "priority 150"), changed_at=1100.0),
    }
    found = keepalived_unloaded(other_files(own, files), [seen("iam-b")], "keepalived")
    assert (found.differences, found.conflicts) == (("VI_1: priority 150 instead of 100",), ())
    (said,) = found.unknown
    assert f"not compared are state ({part}:2), " in said


def test_a_link_that_leads_elsewhere_since_is_a_change():
    own = seen("iam-b", "127.0.0.1:8080", "127.0.0.1:8081", changed_at=500.0)
    linked = replace(own.tree.conf.listing, links={"/etc/nginx": 1100.0})
    found = nginx_unloaded(other_files(own, own.tree.files, linked), PROFILE)
    assert "127.0.0.1:8081" in " ".join(found.conflicts)


SITE = "/etc/nginx/sites-enabled/iam"
PROCESS = "user www-data; worker_processes auto; pid /run/nginx.pid; events { worker_connections 1024; }"
BY_SITES = f"{PROCESS}\nhttp {{ include /etc/nginx/sites-enabled/*; }}\n"


def test_a_site_that_nobody_read_is_not_known_once_it_is_newer():
    untouched = one_nginx_conf(BY_SITES, 900.0, listed={SITE: 900.0})
    assert nginx_unloaded(untouched, PROFILE) == Unloaded()
    found = nginx_unloaded(one_nginx_conf(BY_SITES, 900.0, listed={SITE: 1100.0}), PROFILE)
    assert (found.conflicts, found.unknown) == ((), (f"{SITE} was not read",))


def test_a_directory_that_nobody_may_look_into_may_hold_anything():
    own = one_nginx_conf(BY_SITES, 900.0, listed={SITE: 900.0})
    closed = replace(own.tree.conf.listing, files={NGINX: 900.0}, listed=frozenset({"/etc/nginx"}))
    found = nginx_unloaded(other_files(own, own.tree.files, closed), PROFILE)
    assert found == Unloaded(unknown=("/etc/nginx/sites-enabled/* was not read",))


def test_what_is_in_an_unread_site_of_a_newer_nginx_conf_is_no_conflict_and_may_be_included_only_now():
    found = nginx_unloaded(one_nginx_conf(BY_SITES, listed={SITE: 900.0}), PROFILE)
    news = (f"{NGINX} was changed after nginx had read it",)
    assert found == Unloaded(pending=news, unknown=(f"{SITE} was not read",))
    newer = one_nginx_conf(BY_SITES)
    unlisted = other_files(newer, newer.tree.files, FileListing())
    found = nginx_unloaded(unlisted, PROFILE)
    assert (found.conflicts, found.unknown) == ((), ("/etc/nginx/sites-enabled/* was not read",))


def test_a_directory_that_is_not_there_includes_nothing():
    found = nginx_unloaded(one_nginx_conf(BY_SITES), PROFILE)
    assert found.unknown == ()
    assert len(found.conflicts) == 2
