"""What an e-mail with an invoice says, in the client's language."""

from invoicing.paper.contents import Contents
from invoicing.paper.wording import Wording


def letter(contents: Contents) -> tuple[str, str]:
    """Subject and text of the e-mail that brings an invoice or credit note.

    Args:
        contents: of one that has a number.
    """
    words = Wording(contents.language, contents.date_format, contents.currency)
    known = {
        "number": contents.number,
        "seller": contents.seller.name,
        "buyer": contents.buyer.name,
        "total": f"{words.amount(contents.total)} {contents.currency}",
        "from": words.day(contents.supply_from),
        "to": words.day(contents.supply_to),
        "due": words.day(contents.due_date) if contents.due_date else "",
        "corrects": contents.corrects or "",
    }
    # Names are filled in by one pass, so that braces in them stay text.
    return (
        words[f"letter_{contents.kind}_subject"].format_map(known),
        words[f"letter_{contents.kind}_text"].format_map(known),
    )
