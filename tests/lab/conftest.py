"""The lab for tests: brought up once, and whole again before every test that asks for it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from iamops.lab import place
from iamops.lab.lab import Lab
from iamops.lab.network import inside
from iamops.lab.place import LabPaths
from iamops.lab.processes import LabImpossible, check_machine, wait_until
from iamops.lab.status import unserved
from iamops.model.profile import Profile, Tls
from iamops.session.profiles import load_profile
from tests.lab.account import account

HERE = Path(__file__).parent
# A place beside the user's own lab: the tests of the lab itself must not break what someone works on.
OWN_PLACE = LabPaths(state=Path("/var/lib/iamops/lab-tests"), prefix="iamtest-")
# The first test of a run may have to build the image.
TIMEOUT_S = 600
# Each is a lab of its own; the longest go first, so that none is left to run by itself.
SESSIONS = (
    "acting_session",
    "pushing_session",
    "lab",
    "serving_session",
    "triage_session",
    "standins_session",
    "needs_session",
    "own_lab",
)


# First: xdist reads the groups in a hook of its own, whichever files are asked for.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this directory needs the lab."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)
            item.add_marker(pytest.mark.xdist_group(_lab_of(item)))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TIMEOUT_S))
    order = {name: number for number, name in enumerate(SESSIONS)}
    items.sort(key=lambda item: order.get(_lab_of(item), len(order)) if HERE in item.path.parents else -1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure says what is needed to understand it."""
    report = yield
    labs = (
        each
        for each in getattr(item, "funcargs", {}).values()
        if hasattr(each, "exec") and hasattr(each, "status")
    )
    if report.failed and (lab := next(labs, None)) is not None:
        report.sections.append(("the lab", account(lab, call.start)))
    return report


def _lab_of(item: pytest.Item) -> str:
    """Tests of one lab take turns; those of different labs may run side by side."""
    fixtures = getattr(item, "fixturenames", ())
    return next((name for name in SESSIONS if name != "lab" and name in fixtures), "lab")


class LabForTests:
    """The lab's own facade, and what a client or a script would do with it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.profile = lab.profile
        self.exec = lab.exec
        self.must = lab.must
        self.fault = lab.fault
        self.heal = lab.heal
        self.heal_all = lab.heal_all
        self.status = lab.status
        self.paths = lab.paths

    def iamops(self, *argv: str, timeout_s: float = 60) -> Any:
        """Runs a command line and returns the JSON document it printed, whatever its exit code."""
        command = [sys.executable, "-m", "iamops", *argv]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
        assert done.stdout, f"{argv} printed nothing; exit {done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    def requests(self, count: int, path: str = "/healthz", **headers: str) -> list[int]:
        """That many requests to the VIP, one after the other; their statuses."""
        return inside(self._lab.paths.operator_namespace, lambda: _requests(self.profile, count, path, headers))

    def make_whole(self) -> None:
        """No fault applied, every unit active, the VIP where the highest priority is."""
        self._lab.up()
        self._lab.heal_all()
        for name, node in self.status().nodes.items():
            stopped = [unit.name for unit in node.units or () if unit.active != "active"]
            if stopped:
                self.must(name, ["systemctl", "start", *stopped])
        first = max(self.profile.nodes.values(), key=lambda node: node.priority).name
        others = [owner for owner in self.status().owners if owner != first]
        for owner in others:
            self.must(owner, ["systemctl", "restart", self.profile.keepalived.unit])
        assert wait_until(lambda: self.status().owners == (first,), wait_s=20)
        self._lab.up()
        # What waited for a datastore or for another service is there a moment after it.
        assert wait_until(lambda: not unserved(self.profile, self.paths), wait_s=20)


def _requests(profile: Profile, count: int, path: str, headers: Mapping[str, str]) -> list[int]:
    at, host = profile.instance.address, profile.domains[0]
    return [request(at, host, path, headers).status for _ in range(count)]


def request(
    address: str, host: str, path: str, headers: Mapping[str, str] | None = None
) -> http.client.HTTPResponse:
    """One GET on a connection of its own. Must run inside a namespace that reaches the address."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host, **(headers or {})})
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


@pytest.fixture(scope="session")
def lab_machine() -> None:
    """This machine can carry a lab. In CI it must; elsewhere the reason is shown."""
    try:
        check_machine()
    except LabImpossible as error:
        reason = f"{error.reason}; {error.next_step}"
        if os.environ.get("CI"):
            pytest.fail(f"CI must run the lab: {reason}")
        pytest.skip(reason)


@contextmanager
def alone_with(lab: Lab) -> Iterator[Lab]:
    """Two test runs on one machine take turns: each would see the other's faults."""
    turn = Path(tempfile.gettempdir()) / f"{lab.paths.prefix}tests.lock"
    with place.held(turn, print, wait_s=TIMEOUT_S):
        yield lab


@pytest.fixture(scope="session")
def running_lab(lab_machine: None) -> Iterator[LabForTests]:
    """The lab of the profile `lab`. It stays up afterwards, as after `iamops lab up`."""
    with alone_with(Lab(load_profile("lab"))) as lab:
        # A run that was cut off may have left anything behind, of what a test put aside for a moment.
        under_way = lab.paths.state / "tests-under-way"
        said: list[str] = []
        lab.up(said.append)
        if under_way.exists() or any("made by another version" in line for line in said):
            lab.reset()
        under_way.touch()
        yield LabForTests(lab)
        under_way.unlink()


@pytest.fixture
def lab(running_lab: LabForTests) -> Iterator[LabForTests]:
    """The lab, whole before the test, and without faults after it."""
    running_lab.make_whole()
    yield running_lab
    running_lab.heal_all()


def _whole(lab: Any) -> Iterator[Any]:
    lab.make_whole()
    yield lab
    lab.heal_all()


@pytest.fixture(scope="session")
def acting_session(lab_machine: None) -> Iterator[Any]:
    """A lab for the tests that act on it, with a short fuse."""
    from tests.lab.acting import acting_lab

    with acting_lab() as lab:
        yield lab


@pytest.fixture(scope="session")
def pushing_session(lab_machine: None) -> Iterator[Any]:
    """Another one, for pushes."""
    from tests.lab.acting import PUSHING_PLACE, acting_lab

    with acting_lab(place=PUSHING_PLACE) as lab:
        yield lab


@pytest.fixture(scope="session")
def serving_session(lab_machine: None) -> Iterator[Any]:
    """One more, for what is restarted under load or loaded by hand."""
    from tests.lab.acting import SERVING_PLACE, acting_lab

    with acting_lab(place=SERVING_PLACE) as lab:
        yield lab


@pytest.fixture(scope="session")
def needs_session(lab_machine: None) -> Iterator[Any]:
    """And one that lacks what its services need."""
    from tests.lab.acting import NEEDS_PLACE, acting_lab

    with acting_lab(place=NEEDS_PLACE) as lab:
        yield lab


@pytest.fixture(scope="session")
def standins_session(lab_machine: None) -> Iterator[Any]:
    """One whose stand-ins are what the real services are like."""
    from tests.lab.acting import STANDINS_PLACE, acting_lab

    with acting_lab(place=STANDINS_PLACE) as lab:
        yield lab


@pytest.fixture
def standins(standins_session: Any) -> Iterator[Any]:
    """That lab, whole before the test."""
    yield from _whole(standins_session)


@pytest.fixture
def needing(needs_session: Any) -> Iterator[Any]:
    """That lab, whole before the test."""
    yield from _whole(needs_session)


@pytest.fixture
def serving(serving_session: Any) -> Iterator[Any]:
    """That lab, whole before the test."""
    yield from _whole(serving_session)


@pytest.fixture
def pushing(pushing_session: Any) -> Iterator[Any]:
    """The lab for pushes, whole before the test."""
    yield from _whole(pushing_session)


@pytest.fixture
def acting(acting_session: Any) -> Iterator[Any]:
    """The acting lab, whole before the test."""
    yield from _whole(acting_session)


def own_profile(nodes: Sequence[tuple[str, str, int]] = ()) -> Profile:
    """The lab's profile moved to a place of its own; with other nodes (name, address, priority) if given."""
    profile = load_profile("lab").model_copy(update={"tls": Tls(ca=str(OWN_PLACE.ca))})
    if not nodes:
        return profile
    raw = profile.model_dump(mode="json", exclude_unset=True)
    raw["nodes"] = {name: {"address": address, "priority": priority} for name, address, priority in nodes}
    return Profile.model_validate(raw)


@pytest.fixture(scope="session")
def own_lab(lab_machine: None) -> Iterator[Lab]:
    """A second lab, made for the tests that break labs, and taken away after them."""
    with alone_with(Lab(own_profile(), OWN_PLACE)) as lab:
        lab.reset()
        yield lab
        lab.purge()


@pytest.fixture(scope="session")
def triage_session(lab_machine: None) -> Iterator[Any]:
    """A lab for the faults of triage."""
    from tests.lab.acting import acting_lab
    from tests.lab.triage_cases import PLACE

    with acting_lab(place=PLACE) as lab:
        yield lab


@pytest.fixture
def triage_lab(triage_session: Any) -> Iterator[Any]:
    """It, whole before the test and healed after it."""
    yield from _whole(triage_session)
