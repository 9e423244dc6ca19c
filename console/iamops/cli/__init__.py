"""The command line: one folder per verb. Renders state and asks for actions; decides nothing."""
