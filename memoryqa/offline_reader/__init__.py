"""Answers without a language model: rules that extract a short answer from the evidence. English only."""

OFFLINE_MODEL = "offline/extractive-reader"  # what the roles call it (memoryqa/lms/roles.py)
NO_INFORMATION = "No information available"  # the answer to a question that the evidence does not answer
