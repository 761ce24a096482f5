"""What the library knows about languages besides English: one data file a language, `<code>.json`, and its readers.

A data file names the language's stop words, its question words that ask for a time, and its date words. To add a
language, add such a file and its code to LATIN or SCRIPTS in memoryqa/language/locales/files.py.
"""
