"""What conversation shards were told of the policy: told again when it changed, and by the first owner that finds that
nobody told them yet."""

from __future__ import annotations

from contracts.agent import Agent
from contracts.commands import PutTerms
from contracts.streams import conversation_shard
from contracts.terms import Terms
from router.domain.dispatch.moves import Moves
from router.domain.dispatch.tables import CURRENT, TOLD
from router.domain.terms import terms_of


def tell_terms(moves: Moves) -> None:
    """Tells every conversation shard what the policy in force means for it, unless they know."""
    turn, rules = moves.turn, moves.desk.rules
    terms = terms_of(rules.policy, rules.number, (seat.agent for seat in moves.desk.seats.values()))
    if terms == (turn.get(TOLD, CURRENT) or Terms()):
        return
    turn.put(TOLD, CURRENT, terms)
    for number in range(turn.shards):
        turn.tell(conversation_shard(number), PutTerms(terms=terms))


def tell_of_bot(moves: Moves, agent: Agent, removed: bool = False) -> None:
    """The same when an agent became a program, or is one no more; of other agents conversations need not know."""
    known = moves.turn.get(TOLD, CURRENT) or Terms()
    if (agent.id in known.bots) != (agent.kind == "bot" and not removed):
        tell_terms(moves)
