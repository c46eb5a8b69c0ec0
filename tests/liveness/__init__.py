"""Whether presence tells the truth: how soon the room knows that a target is gone, and why."""
