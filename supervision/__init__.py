"""Who decides: the actor base, the supervisors and every pure decision about failure."""
