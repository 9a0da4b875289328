//! The partners as they are: what came into being there, in which order, and what is still on its way.

use lienthong_core::id::RowId;

/// One effect at a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// On which lane.
    pub lane: usize,
    /// Of which operation.
    pub operation: RowId,
    /// When the request was sent: the number of the step.
    pub sent: usize,
}

/// A request that will have an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Travelling {
    arrives: i64,
    effect: Effect,
}

/// All partners.
#[derive(Debug, Default)]
pub struct Partner {
    effects: Vec<Effect>,
    travelling: Vec<Travelling>,
}

impl Partner {
    /// An effect comes into being now.
    pub fn arrive(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// An effect will come into being at this second.
    pub fn arrive_at(&mut self, second: i64, effect: Effect) {
        self.travelling.push(Travelling { arrives: second, effect });
    }

    /// What arrives up to this second, oldest first; each is then given to [`Self::arrive`].
    pub fn due(&mut self, second: i64) -> Vec<Effect> {
        let (mut due, later): (Vec<_>, Vec<_>) = self.travelling.drain(..).partition(|t| t.arrives <= second);
        self.travelling = later;
        due.sort_by_key(|t| t.arrives);
        due.into_iter().map(|t| t.effect).collect()
    }

    /// Whether a request about this lane is on its way.
    pub fn expects(&self, lane: usize) -> bool {
        self.travelling.iter().any(|t| t.effect.lane == lane)
    }

    /// Whether this operation has its effect.
    pub fn has(&self, operation: RowId) -> bool {
        self.effects.iter().any(|e| e.operation == operation)
    }

    /// The effects of a lane in order.
    pub fn of(&self, lane: usize) -> Vec<&Effect> {
        self.effects.iter().filter(|e| e.lane == lane).collect()
    }
}
