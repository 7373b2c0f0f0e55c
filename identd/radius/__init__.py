"""What RADIUS packets mean to a call: who may ask, what is read out of them, what is answered (docs/radius.md). Pure.

How they are written is `protocol/radius/`, the sockets are the server's, and what is decided is `engine.py`'s.
"""
