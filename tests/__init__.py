"""The suite: journeys, units, contracts and the architecture."""
