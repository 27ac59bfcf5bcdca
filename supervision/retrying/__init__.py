"""When to try again: schedule, budget and loop as pure decisions; the decorators are their thin shell."""
