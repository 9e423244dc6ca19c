"""The profile as plain data: what a template may see of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel


def plain(value: Any) -> Any:
    """Dictionaries, lists, texts, numbers, truth values and None, whatever it was; a model's properties are among
    its fields. Raises TypeError for what is no data.
    """
    match value:
        case None | bool():
            return value
        case Enum():
            return plain(value.value)
        case str():
            return str(value)
        case int():
            return int(value)
        case float():
            return float(value)
        case _ if hasattr(value, "__fspath__"):
            return str(value)
        case BaseModel():
            return {
                name: plain(getattr(value, name))
                for name in (*type(value).model_fields, *_properties(type(value)))
            }
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
        case Mapping():
            return {str(plain(key)): plain(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in value]
        case _:
            raise TypeError(f"{type(value).__name__} is no plain data")


def _properties(model: type[BaseModel]) -> list[str]:
    """Of our own classes only: pydantic's give away more than values."""
    own = (each for each in model.__mro__ if issubclass(each, BaseModel) and each is not BaseModel)
    named = (name for each in own for name, value in vars(each).items() if isinstance(value, property))
    return [name for name in dict.fromkeys(named) if not name.startswith("_")]
