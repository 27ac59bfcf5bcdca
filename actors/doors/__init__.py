"""Where messages come in: the channel (`subscriber`, `gateway`), the front stream (`front`), and what they share."""
