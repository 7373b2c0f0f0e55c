"""Places are counted by whose they are, and every one comes back."""

from console.places import NOBODY_MAX, NOBODY_SITE_MAX, REQUESTS_MAX, Places


def test_all_of_nobodys_places_taken_leave_those_of_people():
    places = Places()
    for number in range(NOBODY_MAX):
        assert places.take("nobody", f"site{number % 4}") is not None
    assert places.take("nobody", "another") is None
    assert places.take("known", "site1") is not None


def test_one_site_gets_some_and_again_when_it_has_given_back():
    places = Places()
    taken = [places.take("nobody", "a") for _ in range(NOBODY_SITE_MAX)]
    assert places.take("nobody", "a") is None
    assert places.take("nobody", "b") is not None
    assert taken[0] is not None
    places.give_back(taken[0])
    assert places.take("nobody", "a") is not None


def test_who_came_to_a_door_of_people_and_is_nobody_frees_a_place_of_theirs():
    places = Places()
    taken = [places.take("known", "a") for _ in range(REQUESTS_MAX)]
    assert places.take("known", "a") is None
    for place in taken:
        assert place is not None
        places.is_nobodys(place)
    assert places.take("known", "b") is not None
    assert places.take("nobody", "b") is None, "they are more than nobody may have, and count"
    for place in taken:
        assert place is not None
        places.give_back(place)
    assert places.statistics() == {"requests": 1, "requests_max": 256, "nobodys": 0, "nobodys_max": 64}
