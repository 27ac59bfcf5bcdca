"""The spreadsheet: one row an invoice, in Google Sheets, or in a local file where that is not configured or away."""
