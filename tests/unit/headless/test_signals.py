"""Signals: what they mean at every moment of a command, and what is behind them afterwards."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from sale_tui.errors import Interrupted
from sale_tui.headless.signals import SIGNALS, interruptible, on_signals, to_the_end


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_cancels_and_is_told(number: signal.Signals) -> None:
    ended: list[bool] = []

    async def work() -> int:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)
        return 0

    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(Interrupted):
        asyncio.run(interruptible(work()))
    assert ended == [True]
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_without_a_signal_a_cancellation_stays_one() -> None:
    async def work() -> int:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interruptible(work()))


def test_the_handler_around_is_back_afterwards() -> None:
    told: list[str] = []

    async def work() -> int:
        with on_signals(lambda: told.append("inner")):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()
        return 0

    with pytest.raises(Interrupted):
        asyncio.run(interruptible(work()))
    assert told == ["inner"]


def test_what_must_be_done_whole_is() -> None:
    done: list[str] = []

    async def close() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.02)
        done.append("closed")

    async def work() -> int:
        await to_the_end(close())
        return 0

    with pytest.raises(Interrupted):
        asyncio.run(interruptible(work()))
    assert done == ["closed"]
