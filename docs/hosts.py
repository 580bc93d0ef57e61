"""The pages work offline: nothing is loaded from another host."""

from __future__ import annotations

import re
from pathlib import Path

LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video)\b[^>]*?\ssrc\s*=\s*["']?(?:https?:)?//[^"'\s>]+"""
    r"""|<link\b(?![^>]*rel=["']?canonical)[^>]*?\shref\s*=\s*["']?(?:https?:)?//[^"'\s>]+"""
    r"""|\bfrom\s*["']https?://[^"']+|\bimport\s*\(?["']https?://[^"']+"""
    r"""|(?:url\(|@import\s)\s*["']?(?:https?:)?//[^"')]+"""
)


def loaded(text: str) -> list[str]:
    """What a page, style or script loads from other hosts; links are not loaded."""
    return LOADED.findall(text)


def check(app, exception) -> None:
    """Refuse a site with a page that loads something from another host."""
    if exception is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*")):
        if path.suffix in (".html", ".css", ".js", ".svg"):
            found = loaded(path.read_text(encoding="utf-8", errors="replace"))
            if found:
                raise ValueError(f"{path.relative_to(app.outdir)} loads {found[0]!r}")
