"""`iamops balance` on the real pair: what round robin does, and what is said when a backend is away."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from iamops.lab.processes import wait_until
from tests.lab.conftest import LabForTests

API, AUTHZ = "iam.api.marmotedu.com", "iam.authz.marmotedu.com"
# nginx leaves a backend alone for fail_timeout (10 s) after it failed.
BACK_S = 30


def balance(*argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "iamops", "balance", *argv, "--profile", "lab"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def even_again() -> bool:
    return balance().returncode == 0


def of(done: subprocess.CompletedProcess[str], domain: str) -> Any:
    return json.loads(done.stdout)["domains"][domain]


def test_ten_requests_are_five_and_five_by_both_logs(lab: LabForTests):
    assert wait_until(even_again, wait_s=BACK_S)
    done = balance("--json")
    assert (done.returncode, done.stderr) == (0, "")
    for domain in (API, AUTHZ):
        said = of(done, domain)
        assert (said["sent"], said["failed"], said["even"]) == (10, 0, True)
        assert said["backends"] == {"iam-a": 5, "iam-b": 5}
        assert sorted(said["by_nginx"].values()) == [5, 5]
        assert said["by_nginx_differs"] == ""


def test_an_odd_number_is_one_apart_and_still_even(lab: LabForTests):
    assert wait_until(even_again, wait_s=BACK_S)
    done = balance("7", "--json")
    assert done.returncode == 0
    for domain in (API, AUTHZ):
        assert sorted(of(done, domain)["backends"].values()) == [3, 4]


def test_a_stopped_backend_makes_its_domain_uneven_until_it_is_back(lab: LabForTests):
    assert wait_until(even_again, wait_s=BACK_S)
    lab.must("iam-b", ["systemctl", "stop", "iam-apiserver"])
    try:
        done = balance("--json")
        shown = balance()
    finally:
        lab.must("iam-b", ["systemctl", "start", "iam-apiserver"])
    assert (done.returncode, shown.returncode) == (1, 1)
    said = of(done, API)
    assert (said["failed"], said["even"], said["backends"]) == (0, False, {"iam-a": 10, "iam-b": 0})
    assert said["by_nginx"] == {"10.0.4.20:8080": 10}
    assert said["by_nginx_in_vain"] == {"10.0.4.21:8080": 1}
    assert of(done, AUTHZ)["even"] is True
    assert "uneven beyond round robin: iam-a 10, iam-b 0" in shown.stdout
    assert wait_until(even_again, wait_s=BACK_S)


def test_a_service_log_that_cannot_be_read_is_unknown_and_exit_4(lab: LabForTests):
    log = lab.profile.services["iam-apiserver"].log_path
    lab.must("iam-b", ["chmod", "o-r,g-r", log])
    try:
        done = balance("--json")
    finally:
        lab.must("iam-b", ["chmod", "g+r", log])
    said = of(done, API)
    assert (done.returncode, said["even"], said["backends"]["iam-b"]) == (4, None, None)
    assert "Permission denied" in said["unread"]["iam-b"]
    assert said["by_nginx"] is not None
