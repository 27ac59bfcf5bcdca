"""What is answered to each kind of intent: pure handlers over one turn's work, one subject a file."""
