//! What every implementation of [`Store`] has to do, as one suite that runs on each of them.
//!
//! [`store_conformance!`](crate::store_conformance!) makes the tests. A new behaviour is an `async fn` in the file
//! of its subject and a line in the macro's list.

use std::future::Future;
use std::sync::Arc;

use csb_core::store::contract::Store;

pub mod append;
pub mod closing;
pub mod dead_letters;
pub mod feed;
pub mod groups;
pub mod hand_off;
pub mod history;
pub mod offsets;
pub mod redrives;
pub mod taken_offsets;
pub mod topics;
pub mod unfinished;

mod event_reader;
mod message;

/// A connected store on an empty database of its own.
pub trait StoreFixture: Send {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;

    /// Closes the store and removes what it left behind.
    fn tear_down(self) -> impl Future<Output = ()> + Send;
}

/// Expands to one test per behaviour. Takes the name of an `async fn() -> impl StoreFixture`.
#[macro_export]
macro_rules! store_conformance {
    ($make:ident) => {
        $crate::store_conformance! { $make:
            append {
                stores_messages_in_order_under_growing_stamps
                a_known_id_counts_as_stored
                a_refused_message_leaves_the_others
                messages_of_several_collections_are_stored_together
            }
            feed {
                from_now_on_sees_only_what_comes
                from_a_time_on_sees_everything_since
                sees_only_wanted_collections
                shows_the_document_as_it_is_stored
                batches_are_bounded_sorted_and_within_their_frontier
                an_idle_stream_answers_in_time_and_its_frontier_grows
                answers_as_soon_as_there_is_an_event
                an_event_has_the_same_token_in_every_stream
                a_dropped_wait_loses_nothing
            }
            history {
                stamped_messages_come_in_order_within_bounds
                unstamped_messages_come_in_the_order_of_their_ids
                unstamped_messages_can_be_read_since_an_id
                a_snapshot_shows_what_was_there_at_its_time
                ids_of_every_type_are_paged_through
                a_foreign_field_named_like_the_stamp_hides_nothing
                a_page_is_bounded_in_bytes
                an_unknown_collection_is_empty
                messages_are_counted_as_they_are_read
            }
            hand_off {
                history_and_stream_are_disjoint_and_complete
                a_snapshot_and_the_stream_behind_it_are_disjoint_and_complete
            }
            offsets {
                a_claim_that_comes_late_changes_nothing
                a_document_without_epoch_is_claimed
                a_write_that_comes_late_is_refused
                an_unknown_offset_is_none_and_cannot_be_committed
                epochs_grow_and_the_position_stays
                concurrent_claims_get_epochs_of_their_own
                a_stale_claim_is_fenced
                a_released_partition_can_be_claimed_again
                a_dead_letter_is_stored_with_its_position_or_not_at_all
                every_position_reads_back
                a_record_has_the_form_of_1_4_2
                a_written_record_becomes_the_position
                an_offset_that_is_no_token_is_refused
                an_offset_that_names_a_message_is_a_place_in_the_history
                a_deleted_offset_is_made_again_once
                a_group_is_born_with_its_first_offset
                lists_the_offsets_of_a_group_newest_first
            }
            taken_offsets {
                what_comes_behind_a_settled_number_is_refused
                a_reset_takes_the_owner_off
                partitions_are_found_by_their_owner
                a_group_may_be_born_with_a_reset
            }
            dead_letters {
                a_letter_comes_back_as_it_was
                a_message_too_large_for_its_letter_stays_in_its_partition
                a_letter_replaces_the_one_before
                letters_are_listed_in_the_order_of_their_messages
                a_page_ends_after_many_bytes
                a_filter_finds_what_fulfils_every_condition
                a_purge_removes_what_its_filter_finds
            }
            redrives {
                a_letter_is_marked_once
                turns_are_spaced_by_the_rate
                letters_are_taken_in_the_order_of_their_messages
                only_the_last_holder_settles
                a_letter_that_fails_again_stays
                an_owner_that_is_gone_counts_as_interrupted
                a_pending_redrive_can_be_cancelled
                a_letter_does_not_expire_while_it_waits
                many_letters_are_marked_in_order
            }
            topics {
                partitions_only_grow
                concurrent_changes_never_shrink_a_topic
                the_retention_index_is_created_and_changed
                stats_tell_what_is_stored
            }
            unfinished {
                messages_finished_ahead_are_stored_with_the_position
                attempts_replace_those_before
                owners_that_did_not_release_are_counted
            }
            groups {
                members_come_back_as_they_were
                a_member_may_change_until_it_is_out
                a_heartbeat_tells_who_is_out
                only_who_is_silent_is_expired
                an_epoch_has_one_leader
                concurrent_leaders_are_one
                an_assignment_follows_the_one_before
                a_feed_shows_that_a_group_has_changed
                sessions_can_be_ended
            }
            closing {
                every_call_after_close_fails
                every_call_on_dead_letters_after_close_fails
                every_call_on_groups_after_close_fails
            }
        }
    };
    ($make:ident: $($subject:ident { $($behaviour:ident)* })*) => {
        $(mod $subject {
            use $crate::store_conformance::StoreFixture as _;
            $(
                #[tokio::test]
                async fn $behaviour() {
                    let fixture = super::$make().await;
                    $crate::store_conformance::$subject::$behaviour(fixture.store()).await;
                    fixture.tear_down().await;
                }
            )*
        })*
    };
}
