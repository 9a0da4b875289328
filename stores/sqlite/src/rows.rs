//! Between rows and core types, both ways: row structs that the statements fill, and batches of new rows as one JSON
//! array per statement. Shared by load, write and views.

use jiff::Timestamp;
use lienthong_core::{
    dossier::{DossierRecord, DossierState},
    id::{DossierCode, RowId, UnitCode},
    lane::{Lane, LaneState, Lease},
    need::Need,
    operation::{Attempt, Operation, OperationState},
    outcome::Cause,
    parcel::{Direction, ParcelRecord, ParcelState},
    payment::{PaymentRecord, PaymentState, ReferenceRecord, ReferenceState},
    port::store::StoreError,
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

/// JSON for a column, or for the one parameter of a statement that takes a list.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Rejected(format!("cannot be written as JSON: {e}")))
}

/// A moment as the store keeps it.
pub(crate) fn us(at: Timestamp) -> i64 {
    at.as_microsecond()
}
/// `dossiers` with the newest state, and the code or alias that it was asked for by.
pub(crate) struct DossierRow {
    pub(crate) wanted: String,
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
    pub(crate) id: RowId,
    pub(crate) connector: String,
    pub(crate) key: String,
    pub(crate) next_position: i64,
    pub(crate) acknowledged: bool,
    pub(crate) state: i16,
    pub(crate) due_at: i64,
    pub(crate) need: Option<String>,
    pub(crate) head: Option<RowId>,
    pub(crate) lease_holder: Option<String>,
    pub(crate) lease_until: Option<i64>,
    pub(crate) claim: i64,
    pub(crate) since: i64,
}

impl LaneRow {
    pub(crate) fn lane(self, open: Vec<Operation>) -> Result<Lane, StoreError> {
        let at = At::new("lanes", &self.id);
        let lease = match (self.lease_holder, self.lease_until) {
            (Some(holder), Some(until)) => Some(Lease { holder, until: at.time("lease_until", until)? }),
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

/// `operations`, without the action, which the payload tells.
pub(crate) struct OperationRow {
    pub(crate) id: RowId,
    pub(crate) lane: RowId,
    pub(crate) position: i64,
    pub(crate) connector: String,
    pub(crate) dossier: Option<RowId>,
    pub(crate) subject: Option<String>,
    pub(crate) version: Option<i64>,
    pub(crate) unit: Option<String>,
    pub(crate) event: RowId,
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
    pub(crate) superseded_by: Option<RowId>,
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
    pub(crate) id: RowId,
    pub(crate) payment_id: String,
    pub(crate) dossier: RowId,
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
    pub(crate) fn record(self, references: Vec<ReferenceRecord>) -> Result<PaymentRecord, StoreError> {
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
    pub(crate) payment: RowId,
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
    pub(crate) fn record(self) -> Result<ReferenceRecord, StoreError> {
        let at = At::new("payment_references", &self.reference);
        Ok(ReferenceRecord {
            reference: at.parse("reference", &self.reference)?,
            connector: at.parse("connector", &self.connector)?,
            state: at.known("state", self.state, ReferenceState::from_number(self.state))?,
            paid_at: at.time_if("paid_at", self.paid_at)?,
            asked_at: at.time_if("asked_at", self.asked_at)?,
            created_at: at.time("created_at", self.created_at)?,
            sent_at: self.sent_at,
            pay_url: self.pay_url,
            platform_ref: self.platform_ref,
            paid_amount: self.paid_amount,
        })
    }
}

/// `parcels`.
pub(crate) struct ParcelRow {
    pub(crate) id: RowId,
    pub(crate) parcel_id: String,
    pub(crate) dossier: RowId,
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
            body: Arc::new(at.json("body", &self.body)?),
            content_hash: at.hash("content_hash", &self.content_hash)?,
            moved_at: at.time_if("moved_at", self.moved_at)?,
            created_at: at.time("created_at", self.created_at)?,
            updated_at: at.time("updated_at", self.updated_at)?,
            item_code: self.item_code,
            last_move: self.last_move,
        })
    }
}

/// New rows for one statement: a JSON array of objects, read in SQL by `jsonb_each(?1)` and `value ->> 'column'`.
/// Bytes travel as hexadecimal digits, for `unhex`.
pub(crate) struct Batch {
    table: &'static str,
    text: Vec<u8>,
    rows: u64,
}

impl Batch {
    pub(crate) fn new(table: &'static str) -> Self {
        Self { table, text: vec![b'['], rows: 0 }
    }

    /// Adds a row: pairs of column and value.
    pub(crate) fn row(&mut self, cells: &[(&str, &dyn Cell)]) -> Result<(), StoreError> {
        if self.rows > 0 {
            self.text.push(b',');
        }
        self.rows += 1;
        for (at, (column, cell)) in cells.iter().enumerate() {
            self.text.push(if at == 0 { b'{' } else { b',' });
            column
                .write(&mut self.text)
                .and_then(|()| {
                    self.text.push(b':');
                    cell.write(&mut self.text)
                })
                .map_err(|why| {
                    StoreError::Rejected(format!(
                        "table {}, column {column} cannot be written: {why}",
                        self.table
                    ))
                })?;
        }
        self.text.push(b'}');
        Ok(())
    }

    /// The table, and how many rows were added.
    pub(crate) fn size(&self) -> (&'static str, u64) {
        (self.table, self.rows)
    }

    /// The array, or none if there is nothing to write.
    pub(crate) fn text(mut self) -> Result<Option<String>, StoreError> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.text.push(b']');
        String::from_utf8(self.text)
            .map(Some)
            .map_err(|e| StoreError::Rejected(format!("table {}: {e}", self.table)))
    }
}

/// Operations for a statement that updates or inserts them.
pub(crate) fn operation_rows(operations: &[&Operation]) -> Result<Option<String>, StoreError> {
    let mut batch = Batch::new("operations");
    for operation in operations {
        let attempt = operation.attempt.as_ref();
        let proof = operation.proof.as_ref().map(json).transpose()?;
        batch.row(&[
            ("id", &operation.id),
            ("lane", &operation.lane),
            ("position", &operation.position),
            ("connector", &operation.connector.as_str()),
            ("action", &operation.payload.kind().name()),
            ("dossier", &operation.dossier),
            ("subject", &operation.subject.as_ref().map(DossierCode::as_str)),
            ("version", &operation.version),
            ("unit", &operation.unit.as_ref().map(UnitCode::as_str)),
            ("event", &operation.event),
            ("payload", &json(&operation.payload)?),
            ("state", &operation.state.number()),
            ("due_at", &operation.due_at),
            ("need", &operation.need.as_ref().map(Need::to_string)),
            ("attempts", &operation.attempts),
            ("edits", &operation.edits),
            ("begun", &operation.begun),
            ("doubted", &operation.doubted),
            ("attempt_number", &attempt.map(|a| a.number)),
            ("attempt_started_at", &attempt.map(|a| a.started_at)),
            ("attempt_ended_at", &attempt.and_then(|a| a.ended_at)),
            ("attempt_outcome", &attempt.and_then(|a| a.outcome.as_deref())),
            ("attempt_cause", &attempt.and_then(|a| a.cause).map(Cause::code)),
            ("attempt_said", &attempt.and_then(|a| a.said.as_deref())),
            ("attempt_holder", &attempt.map(|a| a.holder.as_str())),
            ("cause", &operation.cause.map(Cause::code)),
            ("said", &operation.said),
            ("proof", &proof),
            ("superseded_by", &operation.superseded_by),
            ("decided_by", &operation.decided_by),
            ("created_at", &operation.created_at),
            ("ended_at", &operation.ended_at),
        ])?;
    }
    batch.text()
}

/// A value of a batch.
pub(crate) trait Cell {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), String>;
}

impl Cell for &str {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        // SQLite would store it and cut it off in some functions, PostgreSQL refuses it: both stores refuse.
        if self.contains('\0') {
            return Err("the text contains U+0000".into());
        }
        serde_json::to_writer(out, self).map_err(|e| e.to_string())
    }
}

impl Cell for String {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        self.as_str().write(out)
    }
}

impl Cell for i64 {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        serde_json::to_writer(out, self).map_err(|e| e.to_string())
    }
}

impl Cell for i32 {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        i64::from(*self).write(out)
    }
}

impl Cell for i16 {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        i64::from(*self).write(out)
    }
}

impl Cell for bool {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        out.push(if *self { b'1' } else { b'0' });
        Ok(())
    }
}

impl Cell for Timestamp {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        self.as_microsecond().write(out)
    }
}

impl Cell for &[u8] {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        out.push(b'"');
        out.extend(self.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]));
        out.push(b'"');
        Ok(())
    }
}

impl<T: Cell> Cell for Option<T> {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), String> {
        if let Some(value) = self {
            return value.write(out);
        }
        out.extend_from_slice(b"null");
        Ok(())
    }
}
