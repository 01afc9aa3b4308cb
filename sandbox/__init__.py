"""A local sandbox of the vendors: one made-up agency, a server that speaks their protocols, generators of files.

The sandbox does not depend on the warehouse, and only tests, benchmarks and the command line depend on the sandbox.
"""
