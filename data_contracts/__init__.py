"""The nouns, the vocabulary, the settings, and the check that turns raw history into trusted history."""
