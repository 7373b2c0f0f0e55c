"""Tokens are random, long, and kept as hashes."""

from console.people.tokens import KEY_PREFIX, TOKEN_CHARACTERS_MAX, csrf_of, hash_token, new_key, new_token


def test_no_two_tokens_are_the_same_and_each_is_256_bits_in_a_url():
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(token) == 43 and token.replace("-", "").replace("_", "").isalnum() for token in tokens)


def test_a_key_says_whose_kind_it_is():
    key = new_key()
    assert key.startswith(KEY_PREFIX)
    assert len(key) <= TOKEN_CHARACTERS_MAX


def test_what_is_kept_of_a_token_is_its_hash():
    assert hash_token("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(hash_token("\ud800")) == 32


def test_the_csrf_token_follows_from_the_session_and_does_not_give_it_away():
    assert csrf_of("a") == csrf_of("a") != csrf_of("b")
    assert len(csrf_of("a")) == 64
    assert csrf_of("a") != hash_token("a").hex()
