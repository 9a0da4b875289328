//! Policy, pure: what follows from outcomes, findings and doubts, when to try again, what each action allows, how a
//! partner's health goes, and how much may go to it.

pub mod action;
pub mod allowance;
pub mod backoff;
pub mod calendar;
pub mod decide;
pub mod health;
#[cfg(test)]
mod health_model;
pub mod replay;
pub mod watch;
