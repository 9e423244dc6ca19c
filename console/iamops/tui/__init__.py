"""The interactive console. Renders state and asks for actions; decides nothing."""
