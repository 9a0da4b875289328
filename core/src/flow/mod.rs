//! The flows: each a file that can be read in one sitting. They move rows between the ports and decide nothing that
//! `plan/` and `policy/` can decide.

pub mod callback;
pub mod catalogue;
mod cursor;
pub mod discrepancy;
pub mod edit;
pub mod engine;
pub mod execute;
pub mod health;
mod heard;
pub mod in_hand;
pub mod inbound;
pub mod index;
pub mod intake;
pub mod ledger;
pub mod mapping;
pub mod operator;
pub mod partner;
pub mod permits;
pub mod pool;
pub mod probe;
pub mod reconcile;
pub mod relay;
pub mod replay;
pub mod restore;
pub mod retention;
pub mod run;
pub mod schedule;
pub mod settle;
pub mod sheet;
pub mod statuses;
