"""Statements and what their proofs cite, from text and from notebooks."""

import json

import pytest

from dmfbook.workflow.sources.statements import Statement, statements

TEXT = """\
:::{prf:theorem} A fold
:label: thm-fold

Two roots, by {prf:ref}`prop-not-in-a-proof`.
:::

:::{dropdown} Proof
By {prf:ref}`thm-gradient`, {prf:ref}`in words <thm-hessian>` and once more {prf:ref}`thm-gradient`.
:::

```{prf:remark} Not a statement
```

:::{prf:observation} Seen
:label: obs-seen
:::
"""
FOUND = [
    Statement("thm-fold", "theorem", "A fold", True, ("thm-gradient", "thm-hessian")),
    Statement("obs-seen", "observation", "Seen", False, ()),
]


@pytest.mark.parametrize("suffix", [".md", ".ipynb"])
def test_statements_and_what_their_proofs_cite(tmp_path, suffix):
    path = tmp_path / f"page{suffix}"
    cells = [
        {"cell_type": "markdown", "source": TEXT.splitlines(keepends=True)},
        {"cell_type": "code", "source": ":::{prf:theorem} In code\n:::"},
    ]
    path.write_text(TEXT if suffix == ".md" else json.dumps({"cells": cells}))
    assert list(statements(path)) == FOUND


def test_a_statement_without_a_label_is_told(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(":::{prf:lemma} No name\nYes.\n:::\n")
    assert [each.label for each in statements(path)] == [""]
