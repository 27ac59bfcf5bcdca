"""Which node owns which partition: the rules (`machine`), the native thread that beats, and the keeper that acts."""
