"""The dispatch rules under random commands, as long as one likes: ``python -m tests.proof.dispatch --steps 10000000``.

The steps are cut into slices, each a world of its own with a seed of its own, so that a run can be shared among
processes, broken off, and gone on with: ``--first`` says with which slice. After every command what it touched is
checked (``judge.py``); every slice begins with a stretch in which the plain model of the rules must agree with every
row, and now and then what a new owner would load must be what the owner has.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from random import SystemRandom
from typing import NamedTuple

from tests.proof.judge import Judge
from tests.proof.steps import Steps
from tests.proof.world import Step, World
from tests.router.domain.dispatch.model import Model
from tests.router.domain.dispatch.picture import pictured, rooms_are_as_new

SLICE = 50_000
COMPARED = 250
"""So many steps of each slice are done by the model too: it takes a hundred times longer."""
RELOADED = 5_000
"""After so many steps what a new owner loads is compared."""


class Outcome(NamedTuple):
    number: int
    steps: int
    refused: int
    decisions: int
    wrong: str | None


def run_slice(seed: str, number: int, steps: int) -> Outcome:
    """One world for so many steps. What is wrong comes with the step at which it was seen."""
    world = World()
    done = refused = decisions = 0
    try:
        for step in lived(world, f"{seed}/{number}", steps):
            done += 1
            refused += step.refused
            decisions += len(step.decisions)
    except Exception as error:  # whatever it is, the run shall say where
        return Outcome(
            number, done, refused, decisions, f"slice {number}, step {done}: {type(error).__name__}: {error}"
        )
    return Outcome(number, done, refused, decisions, None)


def lived(world: World, seed: str, steps: int) -> Iterator[Step]:
    """Carries out the steps, and looks at each."""
    judge, model = Judge(world), Model()
    for count, step in enumerate(_carried_out(world, seed, steps)):
        if count < COMPARED:
            agrees(world, model, step)
        judge.look(step)
        if count % RELOADED == RELOADED - 1:
            reloads(world)
        yield step


def _carried_out(world: World, seed: str, steps: int) -> Iterator[Step]:
    source = Steps(seed, world)
    opening = source.opening()
    for count in range(steps):
        yield world.do(world.due() or (opening[count] if count < len(opening) else source.next()))


def agrees(world: World, model: Model, step: Step) -> None:
    """The model says the same of every conversation."""
    ms, _, number = step.entry.partition("-")
    carried_out = model.do(step.command, int(ms), int(ms) * 1_000_000 + int(number))
    assert carried_out != step.refused, "refused by one, not by the other"
    mine = {id: (work.state, work.agent, work.queue, work.only, work.line_key) for id, work in world.work.items()}
    theirs = {id: (job.state, job.agent, job.queue, job.only, job.place) for id, job in model.jobs.items()}
    assert mine == theirs, {
        id: (mine.get(id), theirs.get(id)) for id in mine | theirs if mine.get(id) != theirs.get(id)
    }


def reloads(world: World) -> None:
    """A new owner has the same desk."""
    loaded = world.reload().desk
    loaded.begin(world.now_ms)
    world.handler.desk.begin(world.now_ms)
    assert pictured(world.handler.desk) == pictured(loaded), "a new owner has another desk"
    rooms_are_as_new(world.handler.desk, loaded)


def main(arguments: list[str] | None = None) -> int:
    said = _arguments(arguments)
    seed = said.seed or str(SystemRandom().randrange(10**9))
    slices = list(_slices(said.steps, said.first))
    print(f"seed {seed}: {said.steps:,} steps in {len(slices)} slices from {said.first}, {said.processes} processes")
    begin, done = time.monotonic(), 0
    with ProcessPoolExecutor(said.processes) as pool:
        running = [pool.submit(run_slice, seed, number, steps) for number, steps in slices]
        for future in running:
            outcome = future.result()
            done += outcome.steps
            if outcome.wrong:
                print(f"WRONG: {outcome.wrong}\nagain: --seed {seed} --first {outcome.number} --steps {SLICE}")
                pool.shutdown(cancel_futures=True)
                return 1
            _progress(outcome, done, said.steps, time.monotonic() - begin)
    print(f"{done:,} steps, nothing wrong, {time.monotonic() - begin:.0f} s")
    return 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.proof.dispatch", description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", help="any text; a random one if none is given")
    parser.add_argument("--first", type=int, default=0, help="the slice to begin with")
    parser.add_argument("--processes", type=int, default=1)
    return parser.parse_args(arguments)


def _slices(steps: int, first: int) -> Iterator[tuple[int, int]]:
    number = first
    while steps > 0:
        yield number, min(SLICE, steps)
        steps -= SLICE
        number += 1


def _progress(outcome: Outcome, done: int, steps: int, took: float) -> None:
    rate = done / took
    print(
        f"slice {outcome.number}: {done:,} of {steps:,} steps, {rate:,.0f}/s, {(steps - done) / rate:,.0f} s to go "
        f"({outcome.decisions:,} decisions, {outcome.refused:,} refused)",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
