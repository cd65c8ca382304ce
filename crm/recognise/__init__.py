"""A raw export in, the SELECTs and settings that read it out. Every guess comes with its evidence."""

from crm.recognise.flow import recognise
from crm.recognise.looked_at import Export, look_at
from crm.recognise.nouns import QUESTIONS, Guess, Question, Recognised
from crm.recognise.settings_text import settings_text

__all__ = ["QUESTIONS", "Export", "Guess", "Question", "Recognised", "look_at", "recognise", "settings_text"]
