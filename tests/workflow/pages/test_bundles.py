"""One style sheet and one script for what all pages load."""

from pathlib import Path

import pytest

from dmfbook.workflow.pages.loading.bundles import _part, digest


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ('url("../fonts/a.woff2")', 'url("fonts/a.woff2")'),
        ("url(b.png)", "url(styles/b.png)"),
        ("url(data:image/svg+xml,x)", "url(data:image/svg+xml,x)"),
        ("url(#mask)", "url(#mask)"),
    ],
)
def test_addresses_lead_where_they_led(tmp_path: Path, rule: str, seen: str) -> None:
    (tmp_path / "styles").mkdir()
    path = tmp_path / "styles" / "a.css"
    path.write_text(f"p {{ src: {rule} }}\n/*# sourceMappingURL=a.css.map */\n", "utf-8")
    assert _part(tmp_path, "styles/a.css").strip() == f"p {{ src: {seen} }}"


def test_a_digest_changes_with_a_file_that_is_there(tmp_path: Path) -> None:
    names = ("a.css", "later.css")
    found = set()
    for text in ("one", "two"):
        (tmp_path / "a.css").write_text(text, "utf-8")
        digest.cache_clear()
        found.add(digest(tmp_path, names))
    assert len(found) == 2
