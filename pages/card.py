"""The model card, which is written in Markdown, as HTML that everybody can read."""

from collections.abc import Sequence
from itertools import count

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup


def card_html(card: str) -> Markup:
    """A text in Markdown as HTML. HTML in it stays text, and links in it stay text too.

    A wide table scrolls in a box of its own, which the keyboard reaches; a column without a name has no heading.

    >>> print(card_html("*is* <b>x</b>"))
    <p><em>is</em> &lt;b&gt;x&lt;/b&gt;</p>
    <BLANKLINE>
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink"])
    tokens = reader.parse(card)
    _without_empty_headings(tokens)
    numbers = count(1)
    box = '<div class="scroll" role="region" tabindex="0" aria-label="Table {} of the card"><table>'
    reader.add_render_rule("table_open", lambda *_: box.format(next(numbers)))
    reader.add_render_rule("table_close", lambda *_: "</table></div>")
    return Markup(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704 - the renderer escapes


def _without_empty_headings(tokens: Sequence[Token]) -> None:
    """Make plain cells of headings that say nothing."""
    for opening, content, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type == "th_open" and not content.content.strip():
            opening.tag = closing.tag = "td"
