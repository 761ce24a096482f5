"""Answers a question from one chat, several, or all of a folder: by an LM, or by the offline reader, said which."""
