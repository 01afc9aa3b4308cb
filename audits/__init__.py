"""Looks at the dependencies from outside: their licences, and what is known to be wrong with them."""
