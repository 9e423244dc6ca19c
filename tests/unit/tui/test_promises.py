"""What the console has once said wrongly, by behaviour, and the tests of a running console that hold it to it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine
from typing import Any

from tests.unit.tui import test_config, test_one_story, test_vip_on_screen
from tests.unit.tui.app import test_notifier, test_painting
from tests.unit.tui.logs import test_screen as logs_screen
from tests.unit.tui.traffic import test_screen as traffic_screen

Test = Callable[..., Coroutine[Any, Any, None]]
SCREEN = re.compile(r"\bseen\.(text|lines|foot)\b")

PROMISES: dict[str, tuple[Test, ...]] = {
    "two owners are a split brain with a beginning and an end, in events, foot and bell, and never a move": (
        test_notifier.test_a_split_brain_rings_stays_in_the_foot_and_its_end_is_told,
        test_vip_on_screen.test_a_split_brain_is_told_once_with_its_end_also_where_keepalived_is_no_master,
    ),
    "a filter stays in its view, and hides no finding without a word": (
        test_one_story.test_a_filter_stays_in_the_view_in_which_it_was_typed,
        test_one_story.test_findings_that_a_filter_hides_are_counted_and_esc_shows_them,
    ),
    "there is one count of findings, with those of the last deep look and its age": (
        test_one_story.test_what_only_the_deep_look_told_counts_in_every_view_with_its_age,
        test_one_story.test_without_a_deep_look_it_says_that_there_was_none,
        test_one_story.test_on_a_narrow_screen_the_age_of_an_earlier_look_is_not_cut_off,
    ),
    "nothing is green while a node is not heard": (
        test_vip_on_screen.test_green_words_are_about_nodes_that_are_heard,
    ),
    "what was not observed yet is no finding": (test_one_story.test_what_was_not_observed_yet_is_no_alert,),
    "what was not read of a log is marked and not said to be absent": (
        logs_screen.test_what_was_not_read_is_marked_and_no_filter_hides_that,
        logs_screen.test_lines_and_marks_are_there_after_another_view,
    ),
    "what a silent node claimed is drawn as what it was, and is no agreement": (
        test_vip_on_screen.test_what_a_silent_owner_held_is_drawn_as_what_it_was,
    ),
    "a rate is named as a mean, and what came late makes no peak": (
        test_one_story.test_the_rate_says_that_it_is_a_mean_and_a_hole_makes_no_peak,
    ),
    "two machines never share a row of backends": (
        traffic_screen.test_two_machines_never_share_a_row_and_the_one_that_fails_is_named,
    ),
    "what began before the console has lasted at least so long": (
        test_vip_on_screen.test_where_nobody_saw_the_beginning_it_has_lasted_at_least_so_long,
    ),
    "findings come and go as events, and what happened before the console is in the list": (
        test_one_story.test_findings_come_and_go_as_events,
        test_one_story.test_what_journals_remember_stands_below_the_date_with_its_source,
    ),
    "while an action of one's own is under way nothing rings and nothing advises against it": (
        test_one_story.test_during_ones_own_switchover_nothing_rings_and_nothing_advises_against_it,
        test_one_story.test_during_ones_own_drill_nothing_advises_against_it_in_any_view,
    ),
    "the header is never held back": (
        test_painting.test_pause_holds_the_picture_and_its_ages_and_the_header_goes_on,
    ),
    "a key ends a message that hides the row under the cursor": (
        test_one_story.test_a_key_ends_a_message_and_the_foot_tells_of_the_row_that_it_leads_to,
    ),
    "a plan does not rest on a node that is not healthy": (
        test_one_story.test_a_plan_does_not_say_that_an_unhealthy_node_serves_meanwhile,
    ),
    "the first step is the same in Overview, Triage and status": (
        test_one_story.test_overview_and_triage_give_the_same_first_step,
        test_one_story.test_the_rules_first_step_is_the_same_in_overview_triage_and_status,
    ),
    "a profile of another name is no difference of the files": (
        test_config.test_a_profile_of_another_name_finds_the_same_files_in_order,
    ),
}


def test_each_is_held_by_what_the_screen_of_a_running_console_shows():
    for promise, tests in PROMISES.items():
        assert tests, promise
        for test in tests:
            source = inspect.getsource(test)
            assert "async with console(" in source, (promise, test.__name__)
            assert SCREEN.search(source), (promise, test.__name__)
