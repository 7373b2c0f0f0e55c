"""The SIP lab that `bin/lab` runs: a real Kamailio asks identd, SIPp calls, and a table says what came of it.

Not part of the distribution: it runs from a clone.
"""
