"""Dead letters: work that failed, kept until it succeeds or a person decides; pure decisions, a store, the shells."""
