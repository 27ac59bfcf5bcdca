"""The facts about an invoice in English, as a model is told them."""

from invoices.answers.wording import Answers
from invoices.invoice import Invoice
from messages.saying import phrases


def summary(invoice: Invoice) -> str:
    """One sentence that names the invoice: what it is, from whom, how much, until when."""
    return Answers(phrases("en")).summary(invoice)


def details(invoice: Invoice) -> list[str]:
    """The lines under a summary: dates, amounts, parties and what a person should look at."""
    return Answers(phrases("en")).details(invoice)
