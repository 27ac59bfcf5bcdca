"""What the daemon is compared with, each doing the same work by its own means."""
