"""Situations in the middle of an action: what was said before, what is said now, and the tests that show it."""

from __future__ import annotations

from dataclasses import dataclass

ODD = "unit/session/test_odd_nodes.py::test_an_odd_node_is_acted_on_or_refused_for_the_true_reason"
OFF = "unit/engine/test_observe.py::test_nothing_is_told_of_a_node_that_is_off_but_since_when_it_is_not_seen"
OPEN = "unit/plan/test_predict.py::test_what_becomes_of_open_connections_is_said_before_and_after"
TWO_MASTERS = (
    "unit/judge/disk/test_keepalived.py::test_a_setting_that_its_peer_does_not_share_is_a_conflict",
    "unit/judge/guards/test_services.py::test_what_would_make_two_masters_is_refused_and_nobody_can_insist",
)
SERVING = "unit/engine/test_engine_execution.py::"
GUARDS = "unit/judge/guards/test_vip.py::"
NODES = "unit/nodes/"


@dataclass(frozen=True, slots=True)
class InAction:
    """`shown`: paths below tests/ with the name of the test, of those that would fail if `now` were not so."""

    id: str
    what: str
    before: str
    now: str
    shown: tuple[str, ...]


def in_actions() -> tuple[InAction, ...]:
    return (*_clients(), *_files(), *_others(), *_machines(), *_shells(), *_rest())


def _clients() -> tuple[InAction, ...]:
    return (
        InAction(
            "B01",
            "a rolling restart under 100 requests a second",
            "succeeded, longest gap 229 ms: 1,013 of 2,500 requests failed",
            "no backend is stopped while an nginx has given the other one up; a client is asked until all is over",
            (
                "unit/engine/test_steps.py::test_a_rolling_restart_never_stops_a_backend_while_an_nginx_has_the_other_given_up",
                "lab/test_serving.py::test_a_rolling_restart_fails_no_request_nor_does_what_follows",
            ),
        ),
        InAction(
            "B02",
            "the same, drained",
            "right",
            "a backend is restarted while every nginx has it down and its log is quiet",
            (
                "unit/engine/test_steps_pushes.py::"
                "test_a_backend_is_restarted_while_every_nginx_has_it_down_and_is_quiet",
            ),
        ),
        InAction(
            "B03",
            "one backend restarted, and the other within ten seconds",
            "succeeded twice: 927 of 4,000 requests failed",
            "the second restart waits until every nginx has the first backend back",
            (
                "unit/engine/test_steps.py::test_a_restart_right_after_somebody_restarted_the_other_backend_waits_for_every_nginx",
            ),
        ),
        InAction(
            "B04",
            "the only backend left hiccups for a second",
            "succeeded, beside a gap of 8,704 ms that it had measured itself",
            "what a client lost is judged by the plan's forecast: failed, with both numbers",
            (f"{SERVING}test_success_means_that_clients_were_served_as_forecast",),
        ),
        InAction(
            "B07",
            "a switchover with 200 open connections",
            "one dark moment of 9 ms; all 200 were cut",
            "the time is that of new connections, and open ones are cut: in the plan and in the result",
            (OPEN,),
        ),
        InAction(
            "B08",
            "a switchover under 200 new connections a second",
            "right",
            "the standby's priority is raised first, each step with its undo on the node",
            (
                "unit/plan/test_switchover.py::"
                "test_a_switchover_raises_stops_starts_and_lowers_with_the_undo_armed_before_each",
                "lab/test_actions.py::test_a_switchover_is_hardly_noticed_and_measured_truly",
            ),
        ),
        InAction(
            "B30",
            "nginx restarted, or reloaded, on the owner, with open connections",
            "no request is dropped: 50 of 50 idle connections were closed",
            "plan and result: a restart cuts open connections, a reload closes idle ones",
            (OPEN,),
        ),
    )


def _files() -> tuple[InAction, ...]:
    return (
        InAction(
            "B05",
            "keepalived reloaded where another router id stands in its file",
            "succeeded; both nodes had the VIP",
            "refused, and nobody can insist: VI_1: virtual_router_id would differ from iam-b",
            TWO_MASTERS,
        ),
        InAction(
            "B06",
            "keepalived restarted where another password, or router id, stands in its file",
            "succeeded; both nodes had the VIP",
            "refused, and nobody can insist; the password itself is told to nobody",
            TWO_MASTERS,
        ),
        InAction(
            "B09",
            "a push of a wrong but valid upstream port",
            "put back by the console; the history said by the timer",
            "history and timeline: taken back by the console",
            (
                "unit/render/test_node_script.py::test_what_is_taken_back_is_as_it_was_and_told",
                "unit/judge/triage/test_timeline.py::test_pushes_name_who_and_why_in_harmless_words",
            ),
        ),
        InAction(
            "B10",
            "a drain while the logs are rotated every second",
            "right",
            "a log that was rotated, or renamed and is written on, is looked at again",
            (
                "unit/plan/test_through_nginx.py::test_a_log_that_is_rotated_meanwhile_is_looked_at_again",
                "unit/plan/test_through_nginx.py::test_a_log_that_was_renamed_and_is_written_on_is_not_quiet",
            ),
        ),
        InAction(
            "B11",
            "a drain with a request that takes 150 s",
            "right",
            "it is waited for; where that takes too long everything is put back, and nothing was restarted",
            (
                "unit/engine/test_steps_pushes.py::"
                "test_requests_that_do_not_end_fail_the_drain_and_everything_is_put_back",
            ),
        ),
    )


def _others() -> tuple[InAction, ...]:
    return (
        InAction(
            "B12",
            "an action is refused early, because another operator's drain is under way",
            "an undo of an earlier run is armed and fires within 20 s",
            "an undo of the running backend drain by bob@desk is armed; it fires within 60 s",
            (
                "unit/judge/guards/test_nodes.py::test_an_undo_of_a_run_under_way_is_told_as_that_and_with_its_own_time",
                "unit/judge/guards/test_nodes.py::test_one_s_own_lock_is_told_as_one_s_own",
            ),
        ),
        InAction(
            "B13",
            "a switchover to a standby whose nginx reaches no backend",
            "right",
            "refused: standby-unhealthy",
            (f"{GUARDS}test_a_standby_whose_nginx_answers_badly_is_unhealthy",),
        ),
        InAction(
            "B14",
            "a switchover a minute after another one",
            "right",
            "refused: anti-flap, with how long to wait",
            (f"{GUARDS}test_a_vip_that_has_just_moved_stays_and_the_time_left_is_said",),
        ),
    )


def _machines() -> tuple[InAction, ...]:
    return (
        InAction(
            "B15",
            "the owner loses power in mid switchover",
            "now: keepalived on iam-a is active, VI_1 is MASTER on iam-a",
            "of a node that is off only since when it is not seen; outcome unknown",
            (OFF,),
        ),
        InAction(
            "B16",
            "the standby loses power in mid switchover",
            "failed; now: effective priority of iam-b is 50",
            "the same; and the outcome is unknown, not failed",
            (OFF,),
        ),
        InAction(
            "B17",
            "systemctl stop hangs in mid switchover",
            "right",
            "outcome unknown, and put back from here",
            (
                "unit/engine/test_steps.py::"
                "test_a_stop_that_hangs_leaves_the_outcome_unknown_and_is_put_back_from_here",
            ),
        ),
        InAction(
            "B25",
            "/run is full",
            "Unit iamops-dead-man-iam-apiserver.timer not found",
            "/run on iam-b is full, and systemd keeps the timers of undos there; nothing was touched",
            ("unit/engine/test_undo.py::test_an_undo_that_cannot_be_armed_for_want_of_room_says_so",),
        ),
        InAction(
            "B26",
            "a line of the sudoers file is missing",
            "right",
            "the login user may not run this: install what `iamops profile sudoers` prints",
            ("unit/engine/test_steps.py::test_a_line_that_is_missing_in_sudoers_is_named_as_that",),
        ),
        InAction(
            "B27",
            "a node's clock is an hour off, or in another zone",
            "right",
            "times of a node are put on our clock before they are compared",
            (
                f"{GUARDS}test_a_nodes_clock_that_is_off_neither_lifts_anti_flap_nor_makes_it",
                "unit/session/triage/test_timeline.py::test_a_nodes_times_are_put_on_our_clock",
                "unit/accesslog/test_line.py::test_what_date_says_of_the_zone",
            ),
        ),
    )


def _shells() -> tuple[InAction, ...]:
    return (
        InAction(
            "B18",
            "the login shell is /bin/false, and triage is asked 25 times",
            "exit 0 and nothing printed, or a fault of iamops",
            "node-silent with its reason, and exit 4 of `status`; what ends at once costs its own answer only",
            (
                "unit/report/test_status.py::test_status_tells_it_and_does_not_end_with_0",
                "unit/nodes/ssh/test_channels.py::"
                "test_writing_to_a_command_that_has_just_ended_is_an_error_of_the_transport",
            ),
        ),
        InAction(
            "B19",
            "the login shell is nologin, or a command is forced",
            "an undo of an earlier run is armed (This, account, is, currently)",
            "refused: the login shell of iam-b printed '…' and ran nothing",
            (ODD, "unit/nodes/ssh/test_command_line.py::test_a_shell_that_runs_nothing_is_no_answer"),
        ),
        InAction(
            "B20",
            "a noisy .bashrc",
            "every action refused for ever: an undo is armed (Welcome, to, iam-b)",
            "the action is done; what a shell says around a command is no value",
            (
                ODD,
                "unit/nodes/ssh/test_command_line.py::test_what_a_shell_says_around_a_command_is_not_its_output",
            ),
        ),
        InAction(
            "B21",
            "a slow login",
            "refused: the state has changed since the plan was shown; no track file",
            "the login is waited for, the node looked at again before anybody is asked, and the action done",
            (
                ODD,
                "unit/cli/test_acting.py::test_what_stood_in_the_way_and_is_gone_lets_nothing_run_unasked",
            ),
        ),
        InAction(
            "B22",
            "a slow .bashrc, or an sshd that opens no session",
            "no end of `sh -c printf …`; nginx -t may not be run (sudo)",
            "slow: done. No session: refused with sshd's word; a shell that hangs: ran nothing within 5 s",
            (
                ODD,
                "unit/nodes/ssh/test_command_line.py::test_a_slow_login_is_told_as_one",
                "unit/nodes/test_config.py::test_a_test_that_could_not_be_asked_is_unknown_for_its_own_reason",
            ),
        ),
        InAction(
            "B31",
            "the login user's disk quota is full",
            "not tried",
            "the action is done: nothing that runs as the login user writes into a file",
            (ODD,),
        ),
    )


def _rest() -> tuple[InAction, ...]:
    return (
        InAction(
            "B23",
            "MaxStartups 1, or an account that has expired",
            "right",
            "the connection was closed during login, see MaxStartups; the login was refused, and with which keys",
            (
                "unit/nodes/ssh/test_errors.py::test_a_server_that_hangs_up_is_a_failed_handshake",
                "unit/nodes/ssh/test_peer.py::test_a_refused_login_says_who_and_which_keys",
            ),
        ),
        InAction(
            "B24",
            "dash, a banner of 200 lines, forwarding off, a host name that does not resolve",
            "right",
            "works; what sudo says of the host name is no refusal, also where the command fails by itself",
            (
                "unit/nodes/ssh/test_peer.py::test_a_long_banner_is_in_nobodys_way",
                "unit/nodes/ssh/test_transport_tcp.py::test_sshd_is_not_asked_again_once_it_has_forbidden",
                "unit/nodes/ssh/test_transport.py::"
                "test_what_sudo_says_of_itself_is_neither_a_refusal_nor_a_word_of_the_command",
            ),
        ),
        InAction(
            "B28",
            "SSH by IPv6 only, to a pair of IPv4",
            "refused; whether ssh.host helps was not tried",
            "ssh.host, or HostName in ~/.ssh/config, is the address for SSH alone; the refusal names it",
            (
                "unit/nodes/ssh/test_connector.py::test_ssh_may_go_by_ipv6_to_a_node_whose_own_address_is_ipv4",
                "unit/parse/profile/test_loader.py::test_a_mistake_is_found_at_its_line",
            ),
        ),
        InAction(
            "B29",
            "units are called openresty and docker-ka",
            "actions right; their findings stood beside each other",
            "the same causes, steps and actions as with the usual names",
            ("unit/judge/test_renamed.py::test_with_other_names_the_same_causes_are_found",),
        ),
    )


HEAD = """
## In the middle of an action

What was said during actions, and what is said now. Made from `tests/support/situations/actions.py`; each test
named here, below `tests`, would fail if it were not so.

| id | situation | said before | says now | shown by |
|---|---|---|---|---|
"""


def table() -> str:
    rows = sorted(in_actions(), key=lambda each: each.id)
    return HEAD + "".join(f"| {' | '.join(_row(each))} |\n" for each in rows)


def _row(each: InAction) -> tuple[str, ...]:
    shown = ", ".join(f"`{test}`" for test in each.shown)
    return (each.id, each.what, each.before, each.now, shown)
