"""The files of the nodes, as the profile has them and as they are."""
