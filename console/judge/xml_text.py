"""JUnit documents: text as XML 1.0 can hold it, and none of it harmful where it is shown. Pure."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from console.parse.safe_text import one_line, safe_lines


def xml_document(root: Xml.Element, *, indented: bool = True) -> str:
    """The whole document. Its attributes and texts are cleaned here, whoever made the elements."""
    for element in root.iter():
        for name, value in element.items():
            element.set(name, one_line(value))
        element.text, element.tail = _text(element.text), _text(element.tail)
    if indented:
        Xml.indent(root)
    # ElementTree would name the operator's locale as the encoding.
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _text(text: str | None) -> str | None:
    return None if text is None else safe_lines(text)
