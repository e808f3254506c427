"""Pure codecs and rules of the formats that others defined."""
