"""The other side of the daemon: what the command line does, over the store and the control socket."""
