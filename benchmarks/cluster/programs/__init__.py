"""The same measurements by other libraries, each in an environment of its own: nothing of actorio is imported."""
