"""A user's own templates, filled as a node's are."""

from __future__ import annotations

from importlib import resources

from iamops.model.profile import Profile
from iamops.render.nodefiles import render_node
from iamops.render.templating import template_names
from tests.support.profiles import pair

PROFILE = pair()
SECRETS = {"VI_1": "sesame12"}
TEMPLATES = resources.files("iamops.render") / "templates"
BUILT_IN = {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in template_names()}


def filled(text: str, profile: Profile = PROFILE) -> str:
    files = render_node(profile, "iam-a", SECRETS, {"server.conf.j2": text})
    return next(each.content for each in files if "/conf.d/" in each.path)
