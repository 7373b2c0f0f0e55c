"""The tour that `bin/demo` gives, and the PostgreSQL under it, under the tests and under the benches.

Not part of the distribution: it runs from a clone.
"""
