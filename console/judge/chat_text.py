"""Words of a node in a chat: they call nobody, and are no link under another name. Pure."""

from __future__ import annotations

import re

# `@everyone` calls in the middle of a word too; an address or a unit such as `user@host` calls nobody.
_CALL = re.compile(r"@(?=everyone|here|channel|all|room)|(?<!\w)@(?=\S)", re.IGNORECASE)
# <!channel>, <@U1>, <users/all>, <at user_id="all">, <https://evil|a name>; `5 < 6` and `<= 3` are none.
_TAG = re.compile(r"<(?=[^\s=0-9-])")
_LINK = re.compile(r"\](?=[(\[])")


def chat_text(text: str) -> str:
    """Its lines as they are, the signs that a chat service acts on replaced by others that look alike."""
    return _LINK.sub("] ", _TAG.sub("\u2039", _CALL.sub("\uff20", text)))
