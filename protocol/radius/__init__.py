"""RADIUS as bytes: packets, authenticators, passwords and digests (RFC 2865, 2866, 2869, 5080, 5090, 5997). Pure.

Only how it is said lives here: which attribute means what for a call, who may ask and what is answered is
`identd/radius/`. Nothing here knows a socket or a clock.
"""
