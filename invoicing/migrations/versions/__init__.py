"""One pair of files a version: what it is called, and its SQL."""
