"""Floor 6: the command line. Renders state and asks for actions; decides nothing."""
