"""The lab's own secrets: made once, private, and made anew where they do not fit any more."""

from __future__ import annotations

from iamops.lab import keys
from iamops.lab.place import LabPaths
from tests.support.profiles import pair


def test_known_hosts_has_plain_addresses_and_no_comments():
    assert keys.known_hosts({"10.0.4.20": "ssh-ed25519 AAAA iam-a\n"}) == "10.0.4.20 ssh-ed25519 AAAA\n"


def test_the_vrrp_secret_is_made_once_has_eight_characters_and_is_private(tmp_path):
    profile = pair(vrrp={"VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99", "auth": {"from_env": "X"}}})
    place = LabPaths(state=tmp_path)
    first = keys.vrrp_secrets(profile, place)
    assert first == keys.vrrp_secrets(profile, place)
    assert len(first["VI_1"]) == 8
    assert place.vrrp_secret.stat().st_mode & 0o777 == 0o600
    assert keys.vrrp_secrets(pair(), place) == {}


def test_a_certificate_of_an_earlier_ca_is_made_anew(tmp_path):
    """A lab whose taking away was cut short kept one node's certificate without the CA that had issued it."""
    place, profile = (
        LabPaths(state=tmp_path),
        pair(services={"iam-apiserver": {"port": 8080, "tls_ports": [8443]}}),
    )
    made = keys.certificates_of(place, profile)
    assert keys.certificates_of(place, profile) == made
    assert made.keys() == profile.nodes.keys()
    for left in (place.ca, place.ca.with_suffix(".key"), place.ca.with_name("iam-a.pem")):
        left.unlink()
    again = keys.certificates_of(place, profile)
    assert all(again[name] != made[name] for name in made)
    place.ca.with_name("iam-b.pem").write_text("half a certi")
    assert keys.certificates_of(place, profile)["iam-b"] != again["iam-b"]
    assert keys.certificates_of(place, profile)["iam-a"] == again["iam-a"]
