"""XML written element by element, with nothing in it that XML 1.0 does not know."""

import re
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
HEAD = b"<?xml version='1.0' encoding='utf-8'?>\n"
Element = ET.Element


def element(tag: str, text: str | None = None, **attributes: str | None) -> Element:
    """Make an element; attributes that are None are left out, `_` in their names stands for `-`, `lang` is xml:lang."""
    found = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            found.set(LANG if name == "lang" else name.rstrip("_").replace("_", "-"), clean(value))
    found.text = None if text is None else clean(text)
    return found


def clean(text: str) -> str:
    """Take out the characters that no XML document may have."""
    return FORBIDDEN.sub("", text)


def filled(tag: str, children: Iterable[Element | None], **attributes: str | None) -> Element:
    """Make an element of others; None is left out."""
    found = element(tag, **attributes)
    found.extend(child for child in children if child is not None)
    return found


def write_within(root: Element, children: Iterable[Element]) -> Iterator[bytes]:
    """Write a document whose root goes on with many children, one after the other: memory does not grow with them."""
    root.append(mark := Element("mark"))
    before, _, after = ET.tostring(root, encoding="unicode").partition("<mark />")
    root.remove(mark)
    yield HEAD + before.encode()
    for child in children:
        yield ET.tostring(child, encoding="unicode").encode()
    yield after.encode()
