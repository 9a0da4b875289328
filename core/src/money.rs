//! Money: whole đồng, never a fraction, never negative, never above 10^15.

use serde::{Deserialize, Serialize};

/// An amount in đồng.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Dong(i64);

/// Why a number is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected whole đồng from 0 to 10^15")]
pub struct BadAmount;

impl Dong {
    /// The largest amount that the event contract admits.
    pub const MAX: i64 = 1_000_000_000_000_000;
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Checks the range.
    pub fn new(amount: i64) -> Result<Self, BadAmount> {
        if (0..=Self::MAX).contains(&amount) { Ok(Self(amount)) } else { Err(BadAmount) }
    }

    /// The number of đồng.
    pub fn get(self) -> i64 {
        self.0
    }

    /// The sum, if it is still an amount.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, BadAmount> {
        let mut sum = 0i64;
        for amount in amounts {
            sum = sum.checked_add(amount.0).ok_or(BadAmount)?;
        }
        Self::new(sum)
    }
}

impl TryFrom<i64> for Dong {
    type Error = BadAmount;
    fn try_from(amount: i64) -> Result<Self, BadAmount> {
        Self::new(amount)
    }
}

impl From<Dong> for i64 {
    fn from(amount: Dong) -> i64 {
        amount.0
    }
}

impl std::fmt::Display for Dong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl schemars::JsonSchema for Dong {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Dong".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 0, "maximum": Dong::MAX, "description": "whole đồng" })
    }
}
