//! Rows as the store has them, and how they become values of core and back. A row that cannot be read back is refused
//! with its table, number and column.

use jiff::Timestamp;
use lienthong_core::{
    dossier::{DossierRecord, DossierState},
    id::{DossierCode, RowId},
    lane::{Lane, LaneState, Lease},
    operation::{Attempt, Operation, OperationState},
    outcome::Cause,
    parcel::{Direction, ParcelRecord, ParcelState},
    payment::{PaymentRecord, PaymentState, ReferenceRecord, ReferenceState},
    port::{
        store::StoreError,
        work::{Change, Loaded},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Display, str::FromStr, sync::Arc};

use crate::error::unreadable;

/// Where a value stands, for the message when it cannot be read back.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    table: &'static str,
    id: &'a dyn Display,
}

impl<'a> At<'a> {
    pub(crate) fn new(table: &'static str, id: &'a dyn Display) -> Self {
        Self { table, id }
    }

    pub(crate) fn unreadable(self, column: &str, why: impl Display) -> StoreError {
        unreadable(self.table, self.id, column, why)
    }

    pub(crate) fn time(self, column: &str, us: i64) -> Result<Timestamp, StoreError> {
        Timestamp::from_microsecond(us).map_err(|e| self.unreadable(column, e))
    }

    pub(crate) fn time_if(self, column: &str, us: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
        us.map(|us| self.time(column, us)).transpose()
    }

    pub(crate) fn parse<T: FromStr<Err: Display>>(self, column: &str, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|e| self.unreadable(column, e))
    }

    pub(crate) fn parse_if<T: FromStr<Err: Display>>(
        self,
        column: &str,
        text: Option<&str>,
    ) -> Result<Option<T>, StoreError> {
        text.map(|text| self.parse(column, text)).transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(self, column: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|e| self.unreadable(column, e))
    }

    pub(crate) fn known<T>(
        self,
        column: &str,
        value: impl Display,
        found: Option<T>,
    ) -> Result<T, StoreError> {
        found.ok_or_else(|| self.unreadable(column, format!("{value} is unknown")))
    }

    pub(crate) fn hash(self, column: &str, bytes: &[u8]) -> Result<[u8; 32], StoreError> {
        bytes.try_into().map_err(|e| self.unreadable(column, e))
    }

    fn cause(self, column: &str, code: Option<&str>) -> Result<Option<Cause>, StoreError> {
        code.map(|code| self.known(column, code, Cause::from_code(code))).transpose()
    }
}

/// JSON for a column.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Rejected(format!("cannot be written as JSON: {e}")))
}

/// One column of rows.
pub(crate) fn col<'a, R, T>(rows: &'a [R], field: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

/// One column that is JSON.
pub(crate) fn json_col<'a, R, T: Serialize + 'a>(
    rows: &'a [R],
    field: impl Fn(&'a R) -> &'a T,
) -> Result<Vec<String>, StoreError> {
    rows.iter().map(|row| json(field(row))).collect()
}

/// The numbers of the rows that are new: only those may be inserted; the others have to be there.
pub(crate) fn fresh<'a, T: 'a>(
    rows: impl IntoIterator<Item = &'a Loaded<T>>,
    id: impl Fn(&'a T) -> RowId,
) -> Vec<RowId> {
    rows.into_iter().filter(|r| r.change == Change::Insert).map(|r| id(&r.row)).collect()
}

/// The rows that have to be written.
pub(crate) fn changed<'a, T: 'a>(rows: impl IntoIterator<Item = &'a Loaded<T>>) -> Vec<&'a T> {
    rows.into_iter().filter(|r| r.change != Change::None).map(|r| &r.row).collect()
}

/// The rows that are written this way.
pub(crate) fn of_change<'a, T: 'a>(
    rows: impl IntoIterator<Item = &'a Loaded<T>>,
    change: Change,
) -> Vec<&'a T> {
    rows.into_iter().filter(|r| r.change == change).map(|r| &r.row).collect()
}

/// A moment as the store keeps it.
pub(crate) fn us(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A moment that may be missing.
pub(crate) fn us_if(at: Option<Timestamp>) -> Option<i64> {
    at.map(us)
}

/// `dossiers` with the newest state.
pub(crate) struct DossierRow {
    pub(crate) id: i64,
    pub(crate) code: String,
    pub(crate) unit: Option<String>,
    pub(crate) known: bool,
    pub(crate) version: i64,
    pub(crate) sequences: String,
    pub(crate) bindings: String,
    pub(crate) created_at: i64,
    pub(crate) state: Option<String>,
}

impl DossierRow {
    pub(crate) fn record(&self) -> Result<DossierRecord, StoreError> {
        let at = At::new("dossiers", &self.id);
        let code: DossierCode = at.parse("code", &self.code)?;
        let state = match &self.state {
            Some(state) => at.json("state", state)?,
            None if self.version == 0 => DossierState::new(code.clone()),
            None => return Err(at.unreadable("version", format!("{} has no state", self.version))),
        };
        Ok(DossierRecord {
            row: self.id,
            unit: at.parse_if("unit", self.unit.as_deref())?,
            known: self.known,
            version: self.version,
            sequences: at.json("sequences", &self.sequences)?,
            bindings: at.json("bindings", &self.bindings)?,
            state: Arc::new(state),
            created_at: at.time("created_at", self.created_at)?,
            code,
        })
    }
}

/// `lanes`.
pub(crate) struct LaneRow {
    pub(crate) id: i64,
    pub(crate) connector: String,
    pub(crate) key: String,
    pub(crate) next_position: i64,
    pub(crate) acknowledged: bool,
    pub(crate) state: i16,
    pub(crate) due_at: i64,
    pub(crate) need: Option<String>,
    pub(crate) head: Option<i64>,
    pub(crate) lease_holder: Option<String>,
    pub(crate) lease_until: Option<i64>,
    pub(crate) claim: i64,
    pub(crate) since: i64,
}

impl LaneRow {
    pub(crate) fn lane(&self, open: Vec<Operation>) -> Result<Lane, StoreError> {
        let at = At::new("lanes", &self.id);
        let lease = match (&self.lease_holder, self.lease_until) {
            (Some(holder), Some(until)) => {
                Some(Lease { holder: holder.clone(), until: at.time("lease_until", until)? })
            }
            _ => None,
        };
        Ok(Lane {
            id: self.id,
            connector: at.parse("connector", &self.connector)?,
            key: at.parse("key", &self.key)?,
            next_position: self.next_position,
            acknowledged: self.acknowledged,
            state: at.known("state", self.state, LaneState::from_number(self.state))?,
            due_at: at.time("due_at", self.due_at)?,
            need: at.parse_if("need", self.need.as_deref())?,
            head: self.head,
            lease,
            claim: self.claim,
            since: at.time("since", self.since)?,
            open,
        })
    }
}

/// `operations`.
pub(crate) struct OperationRow {
    pub(crate) id: i64,
    pub(crate) lane: i64,
    pub(crate) position: i64,
    pub(crate) connector: String,
    pub(crate) dossier: Option<i64>,
    pub(crate) subject: Option<String>,
    pub(crate) version: Option<i64>,
    pub(crate) unit: Option<String>,
    pub(crate) event: i64,
    pub(crate) payload: String,
    pub(crate) state: i16,
    pub(crate) due_at: i64,
    pub(crate) need: Option<String>,
    pub(crate) attempts: i32,
    pub(crate) edits: i32,
    pub(crate) begun: bool,
    pub(crate) doubted: bool,
    pub(crate) attempt_number: Option<i32>,
    pub(crate) attempt_started_at: Option<i64>,
    pub(crate) attempt_ended_at: Option<i64>,
    pub(crate) attempt_outcome: Option<String>,
    pub(crate) attempt_cause: Option<String>,
    pub(crate) attempt_said: Option<String>,
    pub(crate) attempt_holder: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) said: Option<String>,
    pub(crate) proof: Option<String>,
    pub(crate) superseded_by: Option<i64>,
    pub(crate) decided_by: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) ended_at: Option<i64>,
}

impl OperationRow {
    pub(crate) fn operation(self) -> Result<Operation, StoreError> {
        let at = At::new("operations", &self.id);
        let attempt = match (self.attempt_number, self.attempt_started_at) {
            (Some(number), Some(started_at)) => Some(Attempt {
                number,
                started_at: at.time("attempt_started_at", started_at)?,
                ended_at: at.time_if("attempt_ended_at", self.attempt_ended_at)?,
                outcome: self.attempt_outcome,
                cause: at.cause("attempt_cause", self.attempt_cause.as_deref())?,
                said: self.attempt_said,
                holder: self.attempt_holder.unwrap_or_default(),
            }),
            _ => None,
        };
        Ok(Operation {
            id: self.id,
            lane: self.lane,
            position: self.position,
            connector: at.parse("connector", &self.connector)?,
            dossier: self.dossier,
            subject: at.parse_if("subject", self.subject.as_deref())?,
            version: self.version,
            unit: at.parse_if("unit", self.unit.as_deref())?,
            event: self.event,
            payload: Arc::new(at.json("payload", &self.payload)?),
            state: at.known("state", self.state, OperationState::from_number(self.state))?,
            due_at: at.time("due_at", self.due_at)?,
            need: at.parse_if("need", self.need.as_deref())?,
            attempts: self.attempts,
            edits: self.edits,
            begun: self.begun,
            doubted: self.doubted,
            attempt,
            cause: at.cause("cause", self.cause.as_deref())?,
            said: self.said,
            proof: self.proof.as_deref().map(|p| at.json("proof", p)).transpose()?,
            superseded_by: self.superseded_by,
            decided_by: self.decided_by,
            created_at: at.time("created_at", self.created_at)?,
            ended_at: at.time_if("ended_at", self.ended_at)?,
        })
    }
}

/// `payments`.
pub(crate) struct PaymentRow {
    pub(crate) id: i64,
    pub(crate) payment_id: String,
    pub(crate) dossier: i64,
    pub(crate) subject: String,
    pub(crate) unit: Option<String>,
    pub(crate) connector: String,
    pub(crate) amount: i64,
    pub(crate) state: i16,
    pub(crate) content_hash: Vec<u8>,
    pub(crate) body: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl PaymentRow {
    pub(crate) fn record(&self, references: Vec<ReferenceRecord>) -> Result<PaymentRecord, StoreError> {
        let at = At::new("payments", &self.id);
        Ok(PaymentRecord {
            row: self.id,
            id: at.parse("payment_id", &self.payment_id)?,
            dossier: self.dossier,
            subject: at.parse("subject", &self.subject)?,
            unit: at.parse_if("unit", self.unit.as_deref())?,
            connector: at.parse("connector", &self.connector)?,
            amount: self.amount,
            state: at.known("state", self.state, PaymentState::from_number(self.state))?,
            body: Arc::new(at.json("body", &self.body)?),
            content_hash: at.hash("content_hash", &self.content_hash)?,
            references,
            created_at: at.time("created_at", self.created_at)?,
            updated_at: at.time("updated_at", self.updated_at)?,
        })
    }
}

/// `payment_references`.
pub(crate) struct ReferenceRow {
    pub(crate) connector: String,
    pub(crate) reference: String,
    pub(crate) payment: i64,
    pub(crate) state: i16,
    pub(crate) sent_at: String,
    pub(crate) pay_url: Option<String>,
    pub(crate) platform_ref: Option<String>,
    pub(crate) paid_at: Option<i64>,
    pub(crate) paid_amount: Option<i64>,
    pub(crate) asked_at: Option<i64>,
    pub(crate) created_at: i64,
}

impl ReferenceRow {
    pub(crate) fn record(&self) -> Result<ReferenceRecord, StoreError> {
        let at = At::new("payment_references", &self.reference);
        Ok(ReferenceRecord {
            reference: at.parse("reference", &self.reference)?,
            connector: at.parse("connector", &self.connector)?,
            state: at.known("state", self.state, ReferenceState::from_number(self.state))?,
            sent_at: self.sent_at.clone(),
            pay_url: self.pay_url.clone(),
            platform_ref: self.platform_ref.clone(),
            paid_at: at.time_if("paid_at", self.paid_at)?,
            paid_amount: self.paid_amount,
            asked_at: at.time_if("asked_at", self.asked_at)?,
            created_at: at.time("created_at", self.created_at)?,
        })
    }
}

/// `parcels`.
pub(crate) struct ParcelRow {
    pub(crate) id: i64,
    pub(crate) parcel_id: String,
    pub(crate) dossier: i64,
    pub(crate) subject: String,
    pub(crate) unit: Option<String>,
    pub(crate) connector: String,
    pub(crate) direction: String,
    pub(crate) order_number: String,
    pub(crate) state: i16,
    pub(crate) item_code: Option<String>,
    pub(crate) moved_at: Option<i64>,
    pub(crate) last_move: Option<String>,
    pub(crate) content_hash: Vec<u8>,
    pub(crate) body: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl ParcelRow {
    pub(crate) fn record(self) -> Result<ParcelRecord, StoreError> {
        let at = At::new("parcels", &self.id);
        let direction =
            [Direction::Return, Direction::Pickup].into_iter().find(|d| d.name() == self.direction);
        Ok(ParcelRecord {
            row: self.id,
            id: at.parse("parcel_id", &self.parcel_id)?,
            dossier: self.dossier,
            subject: at.parse("subject", &self.subject)?,
            unit: at.parse_if("unit", self.unit.as_deref())?,
            connector: at.parse("connector", &self.connector)?,
            direction: at.known("direction", &self.direction, direction)?,
            order_number: at.parse("order_number", &self.order_number)?,
            state: at.known("state", self.state, ParcelState::from_number(self.state))?,
            item_code: self.item_code,
            moved_at: at.time_if("moved_at", self.moved_at)?,
            last_move: self.last_move,
            body: Arc::new(at.json("body", &self.body)?),
            content_hash: at.hash("content_hash", &self.content_hash)?,
            created_at: at.time("created_at", self.created_at)?,
            updated_at: at.time("updated_at", self.updated_at)?,
        })
    }
}
