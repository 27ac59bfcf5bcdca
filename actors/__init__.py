"""Who acts: one concern a file, each a thin shell that does I/O and asks a pure core what to do."""
