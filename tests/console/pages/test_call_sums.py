"""The sums above the list of calls, of a real daemon."""

import msgspec
import trio

from console.context import Console
from console.pages.call_filter import CallFilter
from console.pages.call_sums import SUMS_MAX, sums_by
from protocol.messages import Calls, CallsAnswer
from tests.end_to_end.daemon import DaemonProcess

NAMES = {"client": {12: "Rose", 13: "Iris"}, "account": {176: "rose_orig", 178: "iris_wide"}}


async def listed(console: Console, sampled: DaemonProcess, limit: int) -> CallsAnswer:
    """Three calls of Rose's after one of Iris's; the oldest `limit` are in the list."""

    def call() -> None:
        with sampled.wire() as wire:
            wire.ask("authorize", call_id="first", gateway="gw1", ip="10.9.9.9", dnis="44")
            for number in range(3):
                wire.ask("authorize", call_id=f"{number}", gateway="gw1", ip="10.0.0.7", dnis="1234#44")

    await trio.to_thread.run_sync(call)
    answer = await console.daemon.ask(Calls(id=console.daemon.next_id(), limit=limit))
    assert isinstance(answer, CallsAnswer)
    return answer


async def test_calls_that_are_not_listed_are_added_up_all_the_same(console: Console, sampled: DaemonProcess):
    answer = await listed(console, sampled, 2)
    sums = await sums_by(console.daemon, CallFilter(), NAMES, answer)
    assert [(one.name, one.sum.both, one.url) for one in sums["client"].shown] == [
        ("Rose", 3, "/calls?client_id=12"),
        ("Iris", 1, "/calls?client_id=13"),
    ]
    assert sums["account"].is_part


async def test_of_one_gateway_only_listed_calls_are_added_up(console: Console, sampled: DaemonProcess):
    answer = await listed(console, sampled, 2)
    sums = await sums_by(console.daemon, CallFilter(gateway="gw1"), NAMES, answer)
    assert [(one.name, one.sum.both, one.url) for one in sums["account"].shown] == [
        ("rose_orig", 1, "/calls?gateway=gw1&account_id=176"),
        ("iris_wide", 1, "/calls?gateway=gw1&account_id=178"),
    ]


async def test_who_has_few_is_counted_below_the_others(console: Console, sampled: DaemonProcess):
    one = (await listed(console, sampled, 1)).calls[0]
    accounts = range(1, SUMS_MAX + 3)
    calls = tuple(msgspec.structs.replace(one, account_id=account_id) for account_id in accounts)
    names = {"client": NAMES["client"], "account": {account_id: f"a{account_id}" for account_id in accounts}}
    answer = CallsAnswer(id=1, op="calls", calls=calls)
    sums = (await sums_by(console.daemon, CallFilter(), names, answer))["account"]
    assert [shown.name for shown in sums.shown] == [f"a{n}" for n in range(1, SUMS_MAX + 1)]
    assert (sums.others, sums.calls_of_others, sums.is_part) == (2, 2, False)
