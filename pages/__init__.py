"""What people look at: nouns in, HTML out. Nothing is computed here."""

from pages.data import DataDocs, data_page
from pages.definitions import definitions_page
from pages.frame import Frame, NotThere
from pages.lead import lead_pages
from pages.review import FOLDER, findings, navigation_of, review_sheets, review_summary, reviews_page
from pages.site import Page, write_site
from pages.summary import today_summary
from pages.today import today_page
from pages.today_figures import TodayNouns
from pages.works import works_page

__all__ = [
    "FOLDER",
    "DataDocs",
    "Frame",
    "NotThere",
    "Page",
    "TodayNouns",
    "data_page",
    "definitions_page",
    "findings",
    "lead_pages",
    "navigation_of",
    "review_sheets",
    "review_summary",
    "reviews_page",
    "today_page",
    "today_summary",
    "works_page",
    "write_site",
]
