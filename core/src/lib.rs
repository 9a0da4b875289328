//! What everything means: the domain, planning, policy, the ports and the flows between them. No drivers, no I/O.

pub mod calendar;
pub mod catalogue;
pub mod clock;
pub mod dossier;
pub mod event;
pub mod finding;
pub mod flow;
pub mod id;
pub mod index;
pub mod lane;
pub mod money;
pub mod need;
pub mod operation;
pub mod outcome;
pub mod parcel;
pub mod payment;
pub mod plan;
pub mod policy;
pub mod port;
pub mod reconciliation;
pub mod replay;
pub mod sheet;
pub mod status;
#[cfg(feature = "testing")]
pub mod testing;
