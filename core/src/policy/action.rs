//! The action table: the only place that says what each kind of effect allows after doubt and after refusal.

use crate::operation::ActionKind;

/// What may be done after an unclear attempt, where no probe can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The same again has the same effect.
    Safe,
    /// The partner's own key keeps a second effect from arising.
    ByKey,
    /// The same bytes, one step a call, so that a double is recognisable and adjacent.
    ByteForByte,
    /// A second effect could arise: only the partner's word or a person decides.
    Dangerous,
}

/// What a refusal does to the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRefusal {
    /// The operation is stuck and the lane stops until a person or a correction cures it.
    Stops,
    /// The operation ends as refused and the lane goes on.
    GoesOn,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionRule {
    /// After doubt.
    pub repeat: Repeat,
    /// After a refusal.
    pub after_refusal: AfterRefusal,
    /// Whether a newer full state may stand in for one that has not begun, or is held, stuck or refused at the head.
    pub superseded_by_newer: bool,
    /// Whether an event may annul it while it has not begun.
    pub annullable: bool,
    /// Whether it may be handed over by the admitting transaction. Dangerous effects never are.
    pub handed_over: bool,
}

impl ActionRule {
    /// The same row where configuration leaves every doubt to a person.
    pub fn for_a_person(self) -> Self {
        Self { repeat: Repeat::Dangerous, handed_over: false, ..self }
    }
}

/// The row of an action. `has_query`: whether the partner can be asked about it.
pub fn rule(action: ActionKind, has_query: bool) -> ActionRule {
    let base = ActionRule {
        repeat: Repeat::Safe,
        after_refusal: AfterRefusal::Stops,
        superseded_by_newer: false,
        annullable: false,
        handed_over: true,
    };
    match action {
        ActionKind::SyncDossier => ActionRule { superseded_by_newer: true, ..base },
        ActionKind::AppendProgress => ActionRule { repeat: Repeat::ByteForByte, ..base },
        ActionKind::OpenPayment => ActionRule {
            // With a query the same reference goes out again after the query has spoken; without one nobody may repeat.
            repeat: if has_query { Repeat::ByKey } else { Repeat::Dangerous },
            after_refusal: AfterRefusal::GoesOn,
            annullable: true,
            handed_over: has_query,
            ..base
        },
        ActionKind::CreateParcel => ActionRule { repeat: Repeat::ByKey, annullable: true, ..base },
        ActionKind::CancelParcel => base,
        // Nobody carries it out, so that it has certainly not begun.
        ActionKind::Unassigned => {
            ActionRule { repeat: Repeat::Dangerous, handed_over: false, annullable: true, ..base }
        }
    }
}
