"""A switch that keeps calling from one address, and says when it gets another answer than before.

It is for whoever makes an account in the console: the moment it is saved, the switch is answered by it.
"""

import time
from typing import Any

import msgspec

from demo.steps import LONDON
from protocol.client_blocking import BlockingClient
from protocol.errors import IdentdUnavailable
from protocol.messages import DecisionAnswer, Identify

ADDRESS = "192.0.2.77"
"""Of a documentation network (RFC 5737); no account of the sample has it."""
EVERY_SECONDS = 0.25


def told(answer: Any) -> str:
    """The answer in a few words; equal exactly where a person would call it the same answer."""
    if not isinstance(answer, DecisionAnswer):
        return "an error"
    if answer.decision == "grant":
        plan = "" if answer.routing_plan_id is None else f", routing plan {answer.routing_plan_id}"
        table = "" if answer.rate_table_id is None else f", rate table {answer.rate_table_id}"
        return f"granted: account {answer.account} of {answer.client}{table}{plan}, number {answer.dnis}"
    return f"{answer.decision}d: {answer.reason}" if answer.decision == "refuse" else f"unavailable: {answer.reason}"


def keep_calling(client: BlockingClient, calls_max: int | None = None) -> None:
    """Ask for ever (or so many times), and print each answer that differs from the one before."""
    before = ""
    asked = 0
    while calls_max is None or asked < calls_max:
        asked += 1
        try:
            answer = client.call(Identify(id=client.next_id(), ip=ADDRESS, dnis=LONDON))
            now = told(answer)
        except (IdentdUnavailable, msgspec.MsgspecError) as error:
            now = f"no answer: {error}"
        if now != before:
            print(f"  {time.strftime('%H:%M:%S')}  a call from {ADDRESS} to {LONDON}: {now}", flush=True)
            before = now
        time.sleep(EVERY_SECONDS)
