"""Kinds of activity for settings of tests: one or more of each family."""

from typing import Any

ONE_A_LINE = """
page_view        browsing   inbound  viewed a page
pricing_view     evaluation inbound  opened pricing
email_click      response   inbound  clicked a link in an email
email_open       attention  inbound  opened an email
content_download attention  inbound  downloaded content
form_submit      commitment inbound  submitted a form
webinar          attention  inbound  attended a webinar
demo_request     request    inbound  asked for a demo
email_reply      commitment inbound  replied to an email
chat             dialogue   inbound  chatted with us
call             dialogue   outbound on the phone with us
call_attempt     attempt    outbound called by us without an answer
meeting          commitment outbound met us
other            attention  inbound  had other dealings with us
assessment       assessment outbound assessed by us
email_sent       mailing    outbound sent an email by us
"""
WITH_AUXILIARY = ("call", "call_attempt", "assessment", "email_sent")
CONTACT = ("call", "call_attempt", "meeting")


def _declared(name: str, family: str, direction: str, did: str) -> dict[str, Any]:
    return {
        "family": family,
        "direction": direction,
        "counts_as_contact": name in CONTACT,
        "phrase": {"did": did, "auxiliary": "was" if name in WITH_AUXILIARY else ""},
    }


KINDS: dict[str, dict[str, Any]] = {
    name: _declared(name, *said) for name, *said in (line.split(maxsplit=3) for line in ONE_A_LINE.strip().splitlines())
}
KINDS["call"] |= {"least_seconds": 20, "outcomes": ["Connected"], "otherwise": "call_attempt"}
