"""What is said: frozen records, their codec, the protocol with the outside, the texts people read."""
