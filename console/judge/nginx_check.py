"""What keepalived's checks ask of nginx, as far as anybody knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.model.config import ConfFile
from console.parse.directives import Reading
from console.parse.nginx_conf import servers
from console.parse.nginx_serving import server_names
from console.parse.vrrp_rest import COMMAND, Rest, check_key
from console.render.nodefiles import ALIVE_HOST, CHECK_SCRIPT

_NOT_KNOWN = "whether nginx would answer keepalived's check as before is not known"


@dataclass(frozen=True, slots=True)
class Asked:
    """`own_host`: nginx is asked for the check's own host. `unknown`: what else may be asked, as sentences."""

    own_host: bool
    unknown: tuple[str, ...] = ()


def asked(told: Rest, keepalived: Reading, nginx: Reading, files: Mapping[str, ConfFile], script: str) -> Asked:
    """`told`: what keepalived runs with. `script`: the check as the profile renders it.

    Only what the rendered check asks is known. One that was not read, at its path, is taken for it where nginx has
    a server for it: others call theirs by that name, too.
    """
    own_host, unknown = False, dict[str, None]()
    file = files.get(CHECK_SCRIPT)
    served = any(ALIVE_HOST in server_names(each) for each in servers(nginx))
    for said in (values for name, values in told.items() if name.startswith(check_key(""))):
        command = said.get(COMMAND)
        program = str(command[0]) if isinstance(command, tuple) and command else "a command that is not known"
        own_host |= program == CHECK_SCRIPT and (served if file is None else ALIVE_HOST in file.content)
        if program == CHECK_SCRIPT and file is None:
            unknown[f"{_NOT_KNOWN}: {CHECK_SCRIPT} was not read"] = None
        elif program != CHECK_SCRIPT or (file is not None and file.content != script):
            unknown[f"{_NOT_KNOWN}: it is not the profile's ({program})"] = None
    if keepalived.all("virtual_server"):
        unknown[f"{_NOT_KNOWN}: it has those of `virtual_server`"] = None
    return Asked(own_host, tuple(unknown))
