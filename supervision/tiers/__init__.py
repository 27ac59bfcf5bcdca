"""Tiers of models: who is asked next, for how long, and whether what came back is an answer."""
