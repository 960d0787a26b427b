"""Store and replay what the frozen layers of an encoder compute."""
