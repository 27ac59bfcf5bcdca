"""The judgement over text: candidates for each field, scored together."""
