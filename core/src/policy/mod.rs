//! Policy, pure: what follows from outcomes, findings and doubts, when to try again, what each action allows.

pub mod action;
pub mod backoff;
pub mod decide;
pub mod replay;
