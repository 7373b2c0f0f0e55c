"""Nothing in the lab listens where something else of it does."""

from lab.places import FIRST_PORT, PORTS, Places


def test_no_port_is_given_twice_and_all_lie_in_the_lab_s_range():
    places = Places()
    ports = [places.metrics, places.radius_auth, places.radius_accounting, places.evapi, places.switch]
    for sipp in (places.far_side, *(places.caller(number) for number in range(10))):
        ports += [sipp.sip, sipp.control, sipp.media]
    assert len(set(ports)) == len(ports)
    assert all(FIRST_PORT <= port < FIRST_PORT + PORTS for port in ports)


def test_another_first_port_moves_everything():
    assert Places(24_000).switch - Places().switch == 24_000 - FIRST_PORT
