"""What of a model goes to the Hub, what must not, the card that goes with it, and the way there."""
