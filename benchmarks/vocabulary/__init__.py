"""Makes the tables of words in memoryqa/vocabulary from public sources."""
