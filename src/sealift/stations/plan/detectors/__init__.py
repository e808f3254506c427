"""One kind of project a file: how it is recognised, and the stages that build it."""
