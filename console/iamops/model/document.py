"""The type of a JSON document: what `json` writes, and reads back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

# Any: a value that was read is of no known type until somebody has looked.
Json: TypeAlias = dict[str, Any]
ReadJson: TypeAlias = Mapping[str, Any]
