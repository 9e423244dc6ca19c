"""A certificate's names as clients compare them."""

from __future__ import annotations

from iamops.model.facts import Certificate


def named(*names: str) -> Certificate:
    return Certificate("CN=it", "CN=ca", 0.0, 1.0, names)


def test_a_name_fits_as_clients_compare_it():
    assert named("iam.example").is_for("IAM.example.")
    assert named("*.example").is_for("iam.example")
    assert named("10.0.4.20").is_for("10.0.4.20")
    assert named("fd00:0::1").is_for("fd00::1")
    assert named("localhost").is_for("localhost")
    for names, wanted in (
        (("*.example",), "a.b.example"),
        (("*.example",), "example"),
        (("iam.example",), "api.example"),
        (("*",), "10.0.4.20"),
        (("*.0.4.20",), "10.0.4.20"),
        ((), "iam.example"),
    ):
        assert not named(*names).is_for(wanted), (names, wanted)
