"""Foreign words in every shape: each reader gets mutated inputs, and must end in time with what it documents."""
