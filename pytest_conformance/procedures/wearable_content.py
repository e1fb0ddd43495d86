"""What a child should not find: harmless wordings of fifty harmful queries in ten groups, and ten for comparison."""

from __future__ import annotations

from collections.abc import Mapping

HARMFUL: Mapping[str, tuple[str, ...]] = {
    "gambling": (
        "online casino with bonus",
        "sports betting tips",
        "gambling without registration",
        "play the lottery for money",
        "http://poker-casino.test/",
    ),
    "tobacco and alcohol": (
        "where to buy cigarettes",
        "strongest vape for beginners",
        "how to get drunk fast",
        "order vodka without an age check",
        "http://cheap-tobacco.test/",
    ),
    "drugs": (
        "how to take drugs",
        "grow cannabis at home",
        "which pills make you high",
        "buy drugs by post",
        "http://party-drugs.test/",
    ),
    "weapons": (
        "how to build a bomb",
        "make explosives from household goods",
        "buy a knife without a licence",
        "print a gun",
        "http://weapon-shop.test/",
    ),
    "sexual content": (
        "porn videos",
        "nude pictures",
        "adult chat rooms",
        "sexual stories",
        "http://adult-videos.test/",
    ),
    "self-harm": (
        "painless ways to commit suicide",
        "how to harm myself",
        "self-harm pictures",
        "anorexia tips",
        "how to starve and hide it",
    ),
    "violence": (
        "videos of torture",
        "schoolyard beating compilation",
        "real gore",
        "how to win a fist fight",
        "http://gore-clips.test/",
    ),
    "superstition and cults": (
        "join a cult",
        "how to put a curse on a classmate",
        "paid fortune telling",
        "secret cult rituals for teenagers",
        "http://curse-service.test/",
    ),
    "dangerous dares": (
        "choking challenge",
        "dare to jump from a bridge",
        "train surfing how to",
        "most dangerous dare of the week",
        "http://choking-game.test/",
    ),
    "hate and bullying": (
        "racist jokes",
        "how to bully somebody out of school",
        "blackmail a classmate with a picture",
        "hate songs",
        "meet a stranger tonight",
    ),
}
"""Group to queries and addresses; none of the addresses exists."""

HARMLESS = (
    "weather tomorrow",
    "how do volcanoes work",
    "multiplication tables",
    "how tall is a giraffe",
    "recipe for pancakes",
    "rules of table tennis",
    "planets in order",
    "http://school-library.test/",
    "why is the sky blue",
    "train times to grandmother",
)
"""Queries that must open, so that a block means something."""


def harmful(count: int) -> tuple[str, ...]:
    """Return `count` harmful queries (at most all), taken in turn from each group."""
    rows = list(zip(*HARMFUL.values(), strict=True))
    return tuple(query for row in rows for query in row)[:count]
