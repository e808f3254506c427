"""Count how often a signal crosses zero; the loop is written in C."""

from wavecount._count import crossings

__all__ = ["crossings"]
