"""Where the lab lives: the agreed names."""

from __future__ import annotations

from iamops.lab.place import LabPaths


def test_the_names_of_the_lab_are_the_agreed_ones():
    place = LabPaths()
    assert place.operator_namespace == "iamops-op"
    assert place.bridge_namespace == "iamops-br"
    assert place.namespace("iam-a") == "iamops-iam-a"
    assert str(place.known_hosts) == "/var/lib/iamops/lab/known_hosts"
