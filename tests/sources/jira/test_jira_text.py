"""Jira's documents become plain text, known nodes and unknown ones."""

from __future__ import annotations

from typing import Any

import pytest

from sources.jira.text import plain_text


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def block(kind: str, *content: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return {"type": kind, "attrs": attributes, "content": list(content)}


def document(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(content)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("plain *wiki* text\r\nsecond line", "plain *wiki* text\nsecond line"),
        (document(), None),
        (document(block("paragraph", text("one "), text("line")), block("paragraph", text("two"))), "one line\ntwo"),
        (document(block("paragraph", text("a"), {"type": "hardBreak"}, text("b"))), "a\nb"),
        (
            document(
                block(
                    "bulletList",
                    block("listItem", block("paragraph", text("first"))),
                    block("listItem", block("paragraph", text("second"))),
                )
            ),
            "- first\n- second",
        ),
        (document(block("paragraph", block("mention", text="@Ada", id="1"), text(" look"))), "@Ada look"),
        (document(block("paragraph", block("emoji", shortName=":tada:"))), ":tada:"),
        (document(block("paragraph", block("date", timestamp="1748736000000"))), "2025-06-01"),
        (document(block("paragraph", block("inlineCard", url="https://example.com/x"))), "https://example.com/x"),
        (document(block("codeBlock", text("make run\nmake stop"), language="sh")), "make run\nmake stop"),
        (
            document(
                block(
                    "table",
                    block("tableRow", block("tableHeader", block("paragraph", text("h")))),
                    block(
                        "tableRow",
                        block("tableCell", block("paragraph", text("a"))),
                        block("tableCell", block("paragraph", text("b"))),
                    ),
                )
            ),
            "h\na\tb",
        ),
        (document(block("constellationBoard", block("star", text("unknown, yet told")))), "unknown, yet told"),
        (document(block("panel", block("paragraph", text("note")), panelType="info")), "note"),
        (["no document", 7], None),
        (7, None),
        (document({"type": "paragraph", "content": "no list"}, {"content": None}), None),
    ],
)
def test_documents_become_text(value: Any, expected: str | None) -> None:
    assert plain_text(value) == expected


def test_a_document_nested_beyond_reason_is_cut_off() -> None:
    node = text("deep")
    for _ in range(5000):
        node = block("panel", node)
    assert plain_text(document(block("paragraph", text("top")), node)) == "top"
