"""A local stand-in for the vendors: one made-up agency, a server that speaks their protocols, generators of files.

Nothing here knows the warehouse, and nothing outside of tests, benchmarks and the command line depends on it.
"""
