"""Which frames there are: an index as a value, and the ways of making, storing and finding it."""
