"""Faults of services: what is run, what is written, and what cannot be broken because it is not there."""

from __future__ import annotations

from typing import Any

import pytest

from iamops.lab import provision
from iamops.lab.faults import services
from iamops.lab.faults.context import FaultTarget
from iamops.lab.processes import UnknownFault
from tests.support.profiles import pair

A = FaultTarget("iam-a")


def test_a_datastore_is_stopped_by_its_own_unit(lab: Any):
    lab.profile = pair(datastores={"accounts": {"node": "iam-a", "kind": "mariadb"}})
    for name in ("accounts", "iam-pump"):
        services.unit(services.STOP)(lab, FaultTarget("iam-a", name))
    assert lab.done == ["iam-a systemctl stop mariadb", "iam-a systemctl stop iam-pump"]


def test_a_fault_of_a_unit_needs_one(lab: Any):
    with pytest.raises(UnknownFault, match="needs a unit"):
        services.unit(services.KILL)(lab, A)
    assert lab.done == []


def test_only_an_iam_service_is_configured_anew(lab: Any):
    with pytest.raises(UnknownFault, match="nginx is no IAM service"):
        services.configured()(lab, FaultTarget("iam-a", "nginx"))
    assert lab.done == []


def test_the_disk_is_filled_but_for_what_a_writer_needs_and_emptied_again(lab: Any):
    lab.answers["iam-a df --output=avail --block-size=1 /"] = f"Avail\n{services.LEFT_TO_WRITE + 4096}\n"
    services.fill_disk(lab, A)
    assert f"iam-a fallocate --length 4096 {services.FILLER}" in lab.done
    services.empty_disk(lab, A)
    assert lab.done[-1] == f"iam-a rm -f {services.FILLER} {services.FILLER}.rest"


def test_a_disk_that_is_full_already_is_not_made_fuller_by_blocks(lab: Any):
    lab.answers["iam-a df --output=avail --block-size=1 /"] = "Avail\n4096\n"
    services.fill_disk(lab, A)
    assert not [line for line in lab.done if "fallocate" in line]


def test_what_keepalived_is_denied_it_gets_back_with_a_restart_each_time(lab: Any):
    services.keepalived_vip(allowed=False)(lab, A)
    services.keepalived_vip(allowed=True)(lab, A)
    assert lab.fed == ["[Service]\nCapabilityBoundingSet=~CAP_NET_ADMIN\n"]
    assert [line for line in lab.done if "restart" in line] == ["iam-a systemctl restart keepalived"] * 2
    assert [line for line in lab.done if "daemon-reload" in line] == ["iam-a systemctl daemon-reload"] * 2


def test_a_changed_configuration_is_saved_once_and_put_back_only_if_it_was_saved(lab: Any):
    services.change_keepalived_config(lab, A)
    services.restore_keepalived_config(lab, A)
    saved, _, back = lab.done
    assert "[ -e /etc/keepalived/keepalived.conf.before-fault ] ||" in saved
    assert "[ ! -e /etc/keepalived/keepalived.conf.before-fault ] ||" in back


def test_without_mariadb_no_grant_is_revoked(lab: Any):
    lab.profile = pair(datastores={})
    with pytest.raises(UnknownFault, match="no MariaDB"):
        services.grants(provision.revoke)(lab, A)
    assert lab.done == []


def test_a_grant_is_revoked_and_given_where_mariadb_is(lab: Any):
    services.grants(provision.revoke)(lab, FaultTarget("iam-b"))
    services.grants(provision.grant)(lab, FaultTarget("iam-b"))
    assert {line.split()[1] for line in lab.done} == {"mariadb"}
    revoked, granted = lab.fed
    assert revoked.startswith("DROP USER IF EXISTS 'iam'@'10.0.4.21';")
    assert "GRANT" in granted
    assert "'iam'@'10.0.4.21'" in granted
