"""What references lead to, taken out of pages."""

import pytest

from dmfbook.workflow.pages.previews import fragments

STATEMENT = (
    '<div class="proof theorem" id="thm-a"><p class="admonition-title">Theorem 1</p>'
    '<section id="proof-content-1"><p>By <a href="two.html#thm-b">Theorem 2</a>.</p></section>'
    '<div class="badge-line"><details><summary>holds</summary></details></div></div>'
)


def test_a_statement_is_taken_without_its_foot_and_without_ids() -> None:
    assert fragments(f"<h1 id='x'>Title</h1>{STATEMENT}") == {
        "thm-a": '<div class="proof theorem"><p class="admonition-title">Theorem 1</p><section><p>By '
        '<a href="two.html#thm-b">Theorem 2</a>.</p></section></div>'
    }


@pytest.mark.parametrize(
    ("body", "name", "text"),
    [
        ('<div class="math" id="equation-a">x</div>', "equation-a", "x"),
        ('<div class="citation" id="id2"><p>Who, where.</p></div>', "id2", "Who, where."),
        ('<dl class="glossary"><dt id="term-a">A</dt><dd>is B</dd></dl>', "term-a", "is B"),
        (
            '<dl class="py"><dt id="a.b"><span class="sig-name">b</span></dt><dd><p>is B</p><p>C</p></dd></dl>',
            "a.b",
            "is B",
        ),
        ('<p>Here <a class="symbol" id="use-a">A</a> is B.</p>', "use-a", "is B"),
        ('<table><tr id="symbol-a"><td>A</td><td>is B</td></tr></table>', "symbol-a", "is B"),
    ],
)
def test_equations_works_terms_and_symbols_are_taken(body: str, name: str, text: str) -> None:
    found = fragments(body)
    assert list(found) == [name]
    assert text in found[name] and "C" not in found[name]
    assert "id=" not in found[name] and "<td" not in found[name]
