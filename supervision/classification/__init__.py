"""What an error means: evidence gathered from it, rules over the evidence, a verdict. No clock, no network."""
