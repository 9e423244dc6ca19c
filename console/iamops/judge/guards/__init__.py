"""Why a plan is refused. Pure."""
