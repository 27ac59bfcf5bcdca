"""The models of this node: one caller actor a tier, their chain, and what a session asks of them."""
