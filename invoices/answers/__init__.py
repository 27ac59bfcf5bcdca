"""What is said about invoices: sentences made of what the documents and the ledger bear out, and nothing else."""

from invoices.answers.english import details, summary
from invoices.answers.sums import Totals, amount_of, totals_of, totals_of_sums
from invoices.answers.wording import Answers

__all__ = ["Answers", "Totals", "amount_of", "details", "summary", "totals_of", "totals_of_sums"]
