"""The random numbers of Savina: one 16-bit generator, and `java.util.Random` for the programs that kept it.

Not good random numbers, but the same in every language: they make the results of a port comparable, and
the checks of the workloads exact.
"""

__all__ = ["JavaRandom", "Random16"]

_JAVA_MULTIPLIER = 0x5DEECE66D
_JAVA_MASK = (1 << 48) - 1


class Random16:
    """The generator of all programs since April 2017; its period is at most 65,536.

    Source: `PseudoRandom.java` of shamsimam/savina.
    """

    __slots__ = ("_value",)

    def __init__(self, seed: int = 74755) -> None:
        self._value = seed

    def next_int(self) -> int:
        """Draw a number from 0 to 65,535."""
        self._value = value = (1309 * self._value + 13849) & 65535
        return value

    def next_below(self, bound: int) -> int:
        """Draw a number from 0 to `bound - 1`."""
        return self.next_int() % bound

    def next_double(self) -> float:
        """Draw a number above 0 and up to 1; half of the draws are below 0.00003."""
        return 1.0 / (self.next_int() + 1)


class JavaRandom:
    """`java.util.Random`: a linear congruential generator of 48 bits.

    Source: the specification in the documentation of `java.util.Random`.
    """

    __slots__ = ("_seed",)

    def __init__(self, seed: int) -> None:
        self._seed = (seed ^ _JAVA_MULTIPLIER) & _JAVA_MASK

    def _next(self, bits: int) -> int:
        self._seed = (self._seed * _JAVA_MULTIPLIER + 0xB) & _JAVA_MASK
        value = self._seed >> (48 - bits)
        return value - (1 << bits) if value >> (bits - 1) else value

    def next_int(self) -> int:
        """Draw a signed number of 32 bits."""
        return self._next(32)

    def next_below(self, bound: int) -> int:
        """Draw a number from 0 to `bound - 1`, each as likely as any other."""
        if bound & (bound - 1) == 0:
            return (bound * self._next_31()) >> 31
        while True:
            bits = self._next_31()
            value = bits % bound
            if bits - value + (bound - 1) < 1 << 31:
                return value

    def next_boolean(self) -> bool:
        """Draw a truth value."""
        return self._next_31() >> 30 == 1

    def _next_31(self) -> int:
        self._seed = (self._seed * _JAVA_MULTIPLIER + 0xB) & _JAVA_MASK
        return self._seed >> 17
