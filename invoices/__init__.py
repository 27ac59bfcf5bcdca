"""What is known about invoices: reading, checking and telling them apart; no actors, no Redis, no clock."""
