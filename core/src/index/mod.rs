//! The national index (Decision 766), computed before the portal does: what every dossier adds, what the sum is worth,
//! what costs points and which truthful act wins them back. Pure: facts come in, figures come out. What the rules are and
//! how sure they are is in docs/index-766.md.

pub mod catalogue;
pub mod check;
pub mod compare;
pub mod facts;
pub mod gather;
pub mod indicator;
pub mod lateness;
pub mod marks;
pub mod period;
pub mod repair;
pub mod report;
pub mod rules;
pub mod score;
pub mod tally;

#[cfg(test)]
mod tests;
