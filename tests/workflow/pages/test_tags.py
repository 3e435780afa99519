"""The list of all tags."""

import subprocess
import sys
from pathlib import Path


def test_a_tag_leads_to_its_statement_or_says_what_became_of_it(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    tags = "thm-here:\nthm-gone: It was a part of {prf:ref}`thm-here`.\n"
    (tmp_path / "book" / "tags.yml").write_text(tags, "utf-8")
    text = "# Tags\n\n```{prf:theorem}\n:label: thm-here\n\nYes.\n```\n\n```{tags}\n```\n"
    (tmp_path / "index.md").write_text(text, "utf-8")
    extensions = "myst_parser,sphinx_proof,dmfbook.workflow.pages.tags"
    command = [sys.executable, "-m", "sphinx", "-C", "-q", "-W", "-D", f"extensions={extensions}"]
    done = subprocess.run(
        [*command, "-D", "html_theme=basic", str(tmp_path), str(tmp_path / "html")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html" / "index.html").read_text("utf-8")
    here, gone = (
        page.split(f'id="tag-{tag}"')[1].split("</li>")[0] for tag in ("thm-here", "thm-gone")
    )
    assert 'href="#thm-here"' in here and "gone" not in here.replace("thm-gone", "")
    assert "gone. It was a part of" in gone and 'href="#thm-here"' in gone
