"""Session state in layers: sealed records, which of them wins, the layers, and who keeps them in step."""
