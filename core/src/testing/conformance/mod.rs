//! The conformance suite of all stores: one story per rule of the port and of the schema. A story gets a fresh store,
//! a second handle on it, and says in words what does not hold. Nothing here knows a dialect.

mod catalogue;
mod edits;
mod harness;
mod health;
mod inbound;
mod incidents;
mod index;
mod lanes;
mod outbox;
mod overview;
mod pairs;
mod partners;
mod races;
mod reconciliation;
mod replays;
mod restore;
mod retention;
mod rules;
mod seed;
mod sheet;
mod single;
mod views;
mod whole;

pub use harness::{Failure, Harness, Verdict};

use futures_util::future::BoxFuture;

/// One story.
pub type Story = for<'a> fn(&'a Harness) -> BoxFuture<'a, Verdict>;

/// The list of all stories, handed to another macro of this crate: `conformance_stories!(the_macro, what it needs)`.
#[macro_export]
#[doc(hidden)]
macro_rules! conformance_stories {
    ($then:ident $(, $extra:path)?) => {
        $crate::$then! { $($extra;)?
            whole {
                what_was_written_comes_back_through_every_scope
                edits_come_back_whole
                absent_things_are_absent
                earlier_attempts_are_kept_beside_the_latest
                a_large_batch_is_one_unit
                a_dossier_that_goes_into_another_takes_everything_along
            }
            rules {
                a_failed_unit_writes_nothing
                unique_keys_refuse_a_second_row
                a_reference_belongs_to_one_payment
                an_update_of_no_row_is_an_error
                known_event_keys_are_told_with_their_hash
                a_decision_that_asks_for_more_decides_again
                a_decision_that_always_asks_for_more_is_refused
                a_decision_that_panics_hurts_nobody_else
                row_numbers_are_never_given_twice
                a_decision_cannot_overdraw_its_row_numbers
                known_tracking_records_are_ignored
                incidents_are_open_once_and_can_come_again
                the_same_tidings_are_applied_once
            }
            lanes {
                due_lanes_are_found_by_time_oldest_first
                expired_leases_are_found_and_live_ones_are_not
                lanes_are_found_by_their_holder
                held_lanes_are_found_by_the_exact_beginning_of_their_need
                lanes_are_found_by_their_operations_open_or_ended
                a_head_is_superseded_in_its_place
                a_lane_follows_its_head_until_it_is_idle
                next_due_is_the_earliest_of_that_state
            }
            races {
                two_handles_that_insert_the_same_see_one_winner
                two_handles_that_give_a_code_two_meanings_see_one_winner
                two_handles_never_claim_the_same_lane
                settle_and_admit_never_leave_an_operation_waiting
                concurrent_edits_of_one_row_are_not_lost
                units_over_the_same_rows_never_block_each_other_for_ever
                a_caller_that_goes_away_leaves_whole_units
            }
            pairs {
                of_two_that_claim_one_lane_by_its_key_one_gets_it
                a_state_that_is_claimed_meanwhile_is_not_superseded
                a_state_that_is_superseded_meanwhile_is_not_claimed
                a_person_who_retries_what_is_claimed_meanwhile_is_told_that_it_runs
                a_person_who_dismisses_what_is_settled_meanwhile_is_told_that_it_ended
                an_outcome_and_a_newer_state_at_once_leave_the_newer_one_ready
                a_callback_and_the_answer_at_once_pay_once_and_open_once
            }
            inbound {
                what_a_partner_says_is_told_once_whoever_takes_it
                requests_come_back_with_what_became_of_them
                files_are_fetched_later_or_never_and_go_when_their_time_is_over
            }
            incidents {
                a_need_has_one_incident_as_long_as_somebody_waits
                two_that_leave_a_need_at_once_close_its_incident
                nobody_waits_without_an_incident
                incidents_and_entries_are_closed_by_number
                an_admitted_event_closes_what_was_set_aside_under_its_key
            }
            edits {
                edits_are_kept_beside_what_they_changed
                lanes_are_shown_with_their_heads_oldest_first
                the_states_of_named_operations_are_loaded_too
                ten_thousand_that_wait_for_one_need_are_released_in_few_passes
                an_audit_names_the_entry_of_a_row_that_is_gone
            }
            reconciliation {
                expectations_are_found_by_what_they_ask_for
                one_discrepancy_is_open_per_kind_and_key
                runs_come_back_the_newest_first
                what_a_partner_was_told_is_gathered_and_its_ends_come_in_order
            }
            outbox {
                the_outbox_keeps_order_and_every_field
                no_outbox_row_appears_behind_a_cursor
                a_slow_unit_cannot_be_overtaken_in_the_outbox
            }
            single {
                a_singleton_has_one_holder_and_growing_fences
                a_fenced_off_holder_cannot_move_the_cursor
                a_units_cursor_is_part_of_the_unit
                timers_run_once_and_catch_up
                a_timer_is_renewed_and_given_back_by_its_holder_only
                the_newer_session_wins
                the_store_tells_its_time_and_epoch
            }
            restore {
                a_fence_comes_up_once_and_numbers_jump
                nothing_goes_out_or_is_told_under_the_fence
                what_is_written_under_the_fence_is_held_and_counts_as_begun
                open_lanes_are_walked_by_number
                a_unit_that_held_something_back_is_never_left_behind
            }
            retention {
                what_is_old_goes_and_the_ledgers_still_match
                money_and_what_nobody_has_judged_stay
                told_out_events_and_closed_entries_go
                nothing_goes_under_the_fence
            }
            health {
                a_condition_comes_back_whole_in_every_phase
                an_incident_of_a_partner_lasts_from_opening_to_closing
                two_handles_never_have_more_with_a_partner_than_all_may
                half_open_lets_one_operation_go_of_all_handles
                the_rate_is_shared_by_all_handles
            }
            partners {
                references_to_ask_are_filtered_and_ordered
                both_ledgers_balance_before_and_after_folding
            }
            replays {
                a_plan_and_its_items_come_back_whole
                a_plan_selects_by_every_filter_page_by_page
                what_a_plan_decides_by_is_told_of_every_operation
                a_plan_is_changed_by_one_unit_at_a_time
            }
            index {
                facts_come_back_whole_by_anchor_and_page
                what_the_portal_has_is_told_beside_what_is_known
                what_changed_is_told_by_time
                facts_of_a_dossier_that_went_into_another_leave
            }
            sheet {
                figures_go_by_each_units_own_moments
                the_latest_anchor_is_found_by_going_back
                what_does_not_move_is_told_by_dossier_and_since_when
                sheets_are_kept_for_a_time_as_they_were
            }
            catalogue {
                a_catalogue_comes_back_whole_and_page_by_page
                mappings_come_back_and_every_commit_that_changes_one_is_counted
                two_that_confirm_the_same_code_at_once_see_each_other
            }
            overview {
                the_overview_is_the_same_in_every_store
            }
            views {
                a_timeline_tells_everything_about_a_dossier
                operations_are_found_by_every_filter
                an_operation_is_shown_with_its_attempts_and_state
                quarantine_is_shown_by_number
            }
        }
    };
}

/// Makes the list of stories.
#[macro_export]
#[doc(hidden)]
macro_rules! conformance_list {
    ($($module:ident { $($name:ident)+ })+) => {
        /// Every story by name.
        pub fn stories() -> Vec<(&'static str, Story)> {
            vec![$($((stringify!($name), |harness| Box::pin($module::$name(harness)))),+),+]
        }
    };
}

/// Makes one multi-threaded test of every story.
#[macro_export]
#[doc(hidden)]
macro_rules! conformance_list_tests {
    ($make:path; $($module:ident { $($name:ident)+ })+) => {
        $(mod $module {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                $crate::testing::conformance::tell(stringify!($name), $make(stringify!($name)).await).await;
            })+
        })+
    };
}

/// Makes one test of every story: `conformance_tests!(make)`, where `async fn make(story: &str) -> Harness` opens a
/// fresh store. The crate needs tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! conformance_tests {
    ($make:path) => {
        $crate::conformance_stories!(conformance_list_tests, $make);
    };
}

crate::conformance_stories!(conformance_list);

/// Runs the story with this name and closes the harness.
pub async fn run(name: &str, harness: Harness) -> Verdict {
    let story = stories().into_iter().find(|(n, _)| *n == name);
    let verdict = match story {
        Some((_, story)) => story(&harness).await,
        None => Err(Failure(format!("there is no story {name:?}"))),
    };
    harness.close().await;
    verdict
}

/// Runs every story, each against a fresh store, and tells all that failed.
pub async fn run_all(
    make: impl Fn(&'static str) -> BoxFuture<'static, Harness>,
) -> Result<(), Vec<(&'static str, Failure)>> {
    let mut failed = Vec::new();
    for (name, _) in stories() {
        if let Err(failure) = run(name, make(name).await).await {
            failed.push((name, failure));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}

/// Runs a story inside a test: panics with the failure's words.
#[expect(clippy::panic, reason = "this is how a test fails")]
pub async fn tell(name: &str, harness: Harness) {
    if let Err(failure) = run(name, harness).await {
        panic!("{name}: {failure}");
    }
}
