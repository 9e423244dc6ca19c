"""Floor 6: the interactive console. Renders state and asks for actions; decides nothing."""
