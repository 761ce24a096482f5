"""What words mean: words used alike, kinds of things, emoji, and hand-written lists."""
