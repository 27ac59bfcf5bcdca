"""What is known: reading and understanding an invoice; no actors, no Redis."""
