"""Profile YAML into a Profile, or into the problems it has, each with its line. Pure."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from iamops.accesslog.format import FormatError, named_format
from iamops.model.need import Need
from iamops.model.profile import NAMED_SECTIONS, Environment, Profile
from iamops.parse.yaml_tree import MOST_PROBLEMS, KeyPath, Problem, ProblemsFound, YamlTree, described, read_tree
from iamops.redact.clean import clean_text

NAME_IS_KEY = "the name is the key above; remove this line"


class ProfileError(ProblemsFound):
    """The text is no valid profile."""


def parse_profile(text: str, file: str) -> Profile:
    """Raises ProfileError with the problems found, the first of very many, and nothing else, for any text."""
    tree = read_tree(text, file)
    if tree.value is None:
        raise ProfileError(tree.problems)
    names = (tree.problem(path, NAME_IS_KEY) for path in tree.lines if _is_name_in_entry(path))
    problems = [*tree.problems, *islice(names, MOST_PROBLEMS + 1)]
    profile = None
    try:
        profile = Profile.model_validate(tree.value)
        problems += _broken_relations(profile, tree)
    except ValidationError as error:
        details: list[Any] = error.errors(include_url=False)
        located = ((_key_path(detail), detail) for detail in details)
        others = ((path, detail) for path, detail in located if not _is_name_in_entry(path))
        complained = islice(others, MOST_PROBLEMS + 1)
        problems += [tree.problem(path, _message(path, detail)) for path, detail in complained]
    if problems or profile is None:
        raise ProfileError(tree.listed(_in_order(problems)))
    return profile


def _is_name_in_entry(path: KeyPath) -> bool:
    return len(path) == 3 and path[0] in NAMED_SECTIONS and path[2] == "name"


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    """By line; of several complaints about one key at one line, the first: the others follow from it."""
    first: dict[tuple[int, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.line, problem.key), problem)
    return sorted(first.values(), key=lambda problem: (problem.line, problem.key, problem.message))


# Pydantic's complaints about a profile, in the words of a person who has the file open.

_A_SECRET = re.compile("pass|secret|token", re.IGNORECASE)
_IN_CLEAR = (
    "a secret never stands in a profile: put it into an environment variable or a file of its own, "
    "and name that with `auth: {from_env: …}` or `auth: {from_file: …}`"
)
_NO_VARIABLE = "expected the name of an environment variable such as IAMOPS_VRRP_AUTH"
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "mapping_type": "a mapping of `key: value` lines",
    "model_type": "a mapping of `key: value` lines",
    "dict_type": "a mapping of `key: value` lines",
    "tuple_type": "a list",
}
_PATTERNS = {
    r"^/[A-Za-z0-9_./-]*$": "an absolute path such as /var/log/nginx/access.log",
    r"^/[A-Za-z0-9_./?=&%-]*$": "a URL path such as /healthz",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$": "a name of letters, digits, dots, dashes and underscores",
    r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,100}$": "a systemd unit such as iam-apiserver",
    r"^([A-Za-z0-9]|::)[A-Za-z0-9.:_-]{0,252}$": "a host name or an address",
    r"^[A-Za-z0-9_.@-]{1,15}$": "a network interface such as eth0",
    r"^[0-9]{1,12}[kKmMgG]?$": "a size such as 5m",
    r"^[a-z_][a-z0-9_-]{0,31}$": "a login name",
    r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$": "an address with a port such as 10.0.4.22:8080",
    r"^[A-Z]{1,2}[0-9]{3}$": "the code of a lint rule such as K004",
    r"^(/|~/)": "the absolute path of a directory",
}


def _key_path(detail: Mapping[str, Any]) -> KeyPath:
    return tuple(part for part in detail["loc"] if part != "[key]")


def _message(path: KeyPath, detail: Mapping[str, Any]) -> str:
    """Of one pydantic error (`ValidationError.errors()`)."""
    kind, found = detail["type"], detail["input"]
    if kind == "missing":
        return "required, but not given"
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if path[-1:] == ("auth",) and not isinstance(found, dict | list):
        return _IN_CLEAR  # `auth: 1111`: neither repeat it nor ask for a mapping only
    if path[-1:] == ("from_env",):
        return f"{_NO_VARIABLE}; if this is the password itself: {_IN_CLEAR}"
    if kind == "value_error" and isinstance(found, dict):
        return str(detail["ctx"]["error"])  # a rule between keys: what was found is the whole mapping
    expected = _expected(kind, detail)
    if "auth" in path:
        return f"expected {expected}"  # what was found may be the secret
    quotes = ": put it in quotes" if kind == "string_type" and isinstance(found, bool | int | float) else ""
    scalar = str(found).lower() if isinstance(found, bool) else clean_text(repr(found), 60)
    return f"expected {expected}, found {described(found) or scalar}{quotes}"


def _expected(kind: str, detail: Mapping[str, Any]) -> str:
    context = detail.get("ctx", {})
    if kind in _KINDS:
        return _KINDS[kind]
    if kind == "value_error":
        return str(context.get("error", detail["msg"])).removeprefix("expected ")
    if kind in ("enum", "literal_error"):
        return f"one of {context['expected']}"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
    bounds = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}
    if kind in bounds:
        key, word = bounds[kind]
        return f"{word} {context[key]}"
    return str(detail["msg"])


def _unknown_key(path: KeyPath) -> str:
    *section, name = path
    if _A_SECRET.search(str(name)):
        return _IN_CLEAR
    model: type[BaseModel] = Profile
    in_entry = len(section) > 1 and section[0] in NAMED_SECTIONS
    for part in (section[0], *section[2:]) if in_entry else section:  # without the entry's own name: nodes.iam-a
        field = model.model_fields.get(str(part))
        model = (_model_in(field.annotation) if field else None) or model
    known = sorted(set(model.model_fields) - ({"name"} if in_entry else set()))
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    return f"unknown key; did you mean `{near[0]}`?" if near else f"unknown key; known are {', '.join(known)}"


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


# What must hold between the parts of a profile, beyond each part by itself.

Complaint = tuple[KeyPath, str]


def _broken_relations(profile: Profile, tree: YamlTree) -> tuple[Problem, ...]:
    """Each at the line where it can be fixed; at most one more than are listed."""
    found = (complaint for relation in RELATIONS for complaint in relation(profile))
    return tuple(tree.problem(path, message) for path, message in islice(found, MOST_PROBLEMS + 1))


def _not_empty(profile: Profile) -> Iterator[Complaint]:
    for section in ("nodes", "vrrp"):
        if not getattr(profile, section):
            yield (section,), "expected at least one entry"


def _namespace(profile: Profile) -> Iterator[Complaint]:
    lab = profile.environment is Environment.LAB
    if lab and profile.network_namespace is None:
        yield ("environment",), "a lab needs network_namespace: it must not be reachable any other way"
    if not lab and profile.network_namespace is not None:
        yield ("network_namespace",), "expected only with environment: lab"


def _references(profile: Profile) -> Iterator[Complaint]:
    known = ", ".join(profile.nodes)
    for name, store in profile.datastores.items():
        if store.node not in profile.nodes:
            message = f"expected a node of this profile ({known}), found {store.node!r}"
            yield ("datastores", name, "node"), message
    for name, service in profile.services.items():
        if service.nodes is None and "nodes" in service.model_fields_set:
            message = "expected a list; without this line it runs on every node, with `nodes: []` on none"
            yield ("services", name, "nodes"), message
        for index, node in enumerate(service.nodes or ()):
            if node not in profile.nodes:
                yield ("services", name, "nodes", index), f"expected one of {known}, found {node!r}"
    for name, vrrp in profile.vrrp.items():
        for node in vrrp.priorities:
            if node not in profile.nodes:
                yield ("vrrp", name, "priorities", node), f"expected one of {known}"


def _log_format(profile: Profile) -> Iterator[Complaint]:
    try:
        named_format(profile.logs.format)
    except FormatError as error:
        yield ("logs", "format"), str(error)


def _addresses(profile: Profile) -> Iterator[Complaint]:
    owners: dict[str, str] = {}
    for name, node in profile.nodes.items():
        if node.address in owners:
            message = f"{node.address} is already the address of {owners[node.address]}"
            yield ("nodes", name, "address"), message
        owners.setdefault(node.address, name)
    for name, vrrp in profile.vrrp.items():
        if vrrp.address in owners:
            yield ("vrrp", name, "vip"), f"{vrrp.address} is the address of node {owners[vrrp.address]}"


def _families(profile: Profile) -> Iterator[Complaint]:
    """RFC 5798: an instance is IPv4 or IPv6 as a whole; version 2 (RFC 3768) is IPv4 only."""
    for name, vrrp in profile.vrrp.items():
        family = ip_address(vrrp.address).version
        for node in profile.nodes.values():
            if ip_address(node.address).version != family:
                message = f"expected the kind of address that {node.name} has ({node.address}), found {vrrp.vip}"
                yield ("vrrp", name, "vip"), f"{message}; an address for SSH alone is nodes.{node.name}.ssh.host"
        if family == 6 and vrrp.version == 2:
            yield ("vrrp", name, "version"), f"expected version: 3 for the IPv6 address {vrrp.vip}, found 2"


def _own_identity(profile: Profile) -> Iterator[Complaint]:
    ids = Counter(vrrp.virtual_router_id for vrrp in profile.vrrp.values())
    vips = Counter(vrrp.address for vrrp in profile.vrrp.values())
    for name, vrrp in profile.vrrp.items():
        if ids[vrrp.virtual_router_id] > 1:
            message = f"expected an id of its own, found {vrrp.virtual_router_id} in another instance too"
            yield ("vrrp", name, "virtual_router_id"), message
        if vips[vrrp.address] > 1:
            yield ("vrrp", name, "vip"), f"expected a VIP of its own, found {vrrp.address} in another instance too"


def _priorities(profile: Profile) -> Iterator[Complaint]:
    for name, vrrp in profile.vrrp.items():
        used = Counter(vrrp.priority_of(node) for node in profile.nodes.values())
        for node in profile.nodes.values():
            priority, own = vrrp.priority_of(node), node.name in vrrp.priorities
            if used[priority] > 1:
                path = ("vrrp", name, "priorities", node.name) if own else ("nodes", node.name, "priority")
                yield path, f"priority {priority} is used twice in {name}: who wins would be chance"


def _checks(profile: Profile) -> Iterator[Complaint]:
    for name, vrrp in profile.vrrp.items():
        check = vrrp.check
        if check.timeout_s > check.interval_s:
            message = f"expected at most interval_s ({check.interval_s}), found {check.timeout_s}"
            yield ("vrrp", name, "check", "timeout_s"), message


def _secret_files(profile: Profile) -> Iterator[Complaint]:
    """The value is not repeated: it may be the password itself."""
    for name, vrrp in profile.vrrp.items():
        file = vrrp.auth.from_file if vrrp.auth else None
        if file is not None and not file.startswith(("/", "~/")):
            message = "expected the absolute path of a file that holds the password, such as /etc/iamops/vrrp-auth"
            yield ("vrrp", name, "auth", "from_file"), message


def _domains(profile: Profile) -> Iterator[Complaint]:
    domains = Counter(service.domain for service in profile.services.values() if service.domain)
    for name, service in profile.services.items():
        if service.domain and ":" in service.domain:
            yield ("services", name, "domain"), f"expected a host name without a port, found {service.domain!r}"
        if service.domain and domains[service.domain] > 1:
            yield ("services", name, "domain"), f"{service.domain} is the domain of another service too"


def _backends(profile: Profile) -> Iterator[Complaint]:
    """A backend twice would get twice its share; one that is drained must be there, and not be the last."""
    for name, service in profile.services.items():
        known = profile.backends_of(service)
        if not known:
            message = f"expected a node or `backends`: nothing would serve {name}"
            yield ("services", name, "nodes"), message
        endpoints = Counter(known.values())
        for endpoint in service.backends:
            if endpoints[endpoint] > 1:
                yield ("services", name, "backends"), f"{endpoint} is a backend of {name} already"
            if not 1 <= int(endpoint.rpartition(":")[2]) <= 65535:
                yield ("services", name, "backends"), f"expected a port of 1 to 65535, found {endpoint!r}"
        for drained in service.drained:
            if drained not in known:
                message = f"expected a backend of {name} ({', '.join(known)}), found {drained!r}"
                yield ("services", name, "drained"), message
        if known and set(known) <= set(service.drained):
            yield ("services", name, "drained"), f"every backend of {name} is drained: nothing would serve it"


def _needs(profile: Profile) -> Iterator[Complaint]:
    """What is needed must be there, and on the same node; what needs itself would never start."""
    for name, service in profile.services.items():
        for index, need in enumerate(service.needs):
            complaint = _unmet(profile, name, need)
            if complaint:
                yield ("services", name, "needs", index), complaint


def _unmet(profile: Profile, name: str, need: Need) -> str | None:
    if need.name is None:
        return None
    if need.name in profile.datastores:
        return f"expected {need.name} without a port: a datastore has its own" if need.port else None
    other = profile.services.get(need.name)
    if other is None:
        known = ", ".join(other for other in (*profile.datastores, *profile.services) if other != name)
        return f"expected a datastore or a service of this profile ({known}), found {need.name!r}"
    if name in _needed_by_way_of(profile, need.name):
        return f"{name} needs {need.name}, which needs {name}: neither would ever start"
    elsewhere = [
        node for node in profile.nodes if profile.services[name].runs_on(node) and not other.runs_on(node)
    ]
    if elsewhere:
        return f"{need.name} does not run on {', '.join(elsewhere)}, and {name} needs it on its own node"
    return None


def _needed_by_way_of(profile: Profile, name: str) -> set[str]:
    """A service and all that it needs, and that these need."""
    found: set[str] = set()
    left = [name]
    while left:
        each = left.pop()
        if each not in found and each in profile.services:
            found.add(each)
            left += [need.name for need in profile.services[each].needs if need.name]
    return found


RELATIONS: tuple[Callable[[Profile], Iterable[Complaint]], ...] = (
    *(_not_empty, _namespace, _references, _addresses, _families, _own_identity, _priorities, _checks),
    *(_secret_files, _domains, _backends, _needs, _log_format),
)
