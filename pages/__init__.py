"""What people look at: nouns in, HTML out. Nothing is computed here."""

from pages.frame import Frame, NotThere
from pages.site import Page, write_site
from pages.today import today_page

__all__ = ["Frame", "NotThere", "Page", "today_page", "write_site"]
