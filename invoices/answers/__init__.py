"""What is said about invoices: sentences made of what the documents and the ledger bear out, and nothing else."""

from invoices.answers.english import details, summary
from invoices.answers.sums import Totals, totals_of
from invoices.answers.wording import Answers

__all__ = ["Answers", "Totals", "details", "summary", "totals_of"]
