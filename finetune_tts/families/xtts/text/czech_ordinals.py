"""Czech ordinal numbers, which num2words lacks."""

_WORDS = """
nultý první druhý třetí čtvrtý pátý šestý sedmý osmý devátý
desátý jedenáctý dvanáctý třináctý čtrnáctý patnáctý šestnáctý sedmnáctý osmnáctý devatenáctý
dvacátý třicátý čtyřicátý padesátý šedesátý sedmdesátý osmdesátý devadesátý
"""
_BELOW_TWENTY, _TENS = _WORDS.split()[:20], _WORDS.split()[20:]


def ordinal(value: int) -> str | None:
    """Write the ordinal of a number below 100, in the masculine; None for others."""
    if value < 20:
        return _BELOW_TWENTY[value]
    if value < 100:
        ten = _TENS[value // 10 - 2]
        return f"{ten} {_BELOW_TWENTY[value % 10]}" if value % 10 else ten
    return None
