"""One setting for all: the quick suite repeats itself, the search does not.

A merge must not fail because a property test drew something new; `make test-all` searches.
"""

import os

from hypothesis import settings

settings.register_profile("quick", derandomize=True)
settings.register_profile("search", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
