"""What happens outside because of a turn: the outbox's relay, its targets, and the record they share."""
