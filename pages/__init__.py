"""What people look at: nouns in, HTML out. Nothing is computed here."""

from pages.data import DataDocs, data_page
from pages.definitions import definitions_page
from pages.frame import Frame, NotThere
from pages.lead import lead_pages
from pages.review import findings, review_pages, review_sheet, review_summary
from pages.review_content import resources_page
from pages.site import Page, write_site
from pages.summary import today_summary
from pages.today import today_page
from pages.today_figures import TodayNouns
from pages.works import works_page

__all__ = [
    "DataDocs",
    "Frame",
    "NotThere",
    "Page",
    "TodayNouns",
    "data_page",
    "definitions_page",
    "findings",
    "lead_pages",
    "resources_page",
    "review_pages",
    "review_sheet",
    "review_summary",
    "today_page",
    "today_summary",
    "works_page",
    "write_site",
]
