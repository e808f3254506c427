"""The one door to the world: clock, entropy, files, processes, network, environment.

Everything above takes a `World` (or one of its ports) as a parameter, so that a test can replay
any crash from a seed. `real.py` opens the door; `sealift.testing.simulation` fakes it.
"""
