//! The tracking feed (docs/partners/vnpost.md, 1.5): a cursor over all orders of the customer, oldest first.

use async_trait::async_trait;
use jiff::Timestamp;
use lienthong_core::{
    parcel::ParcelMove,
    port::connector::{Call, CheckFailure, Feed, FeedPage},
};
use serde_json::Value;
use std::time::Duration;

use super::{
    Vnpost,
    classify::number,
    config::TimeUnit,
    map::with_query,
    wire::{Page, Record, Stub},
};
use crate::http::{Answer, Budget, Request, read_setback};

/// The first call's cursor.
pub(super) const START: &str = "000000000000000000000000";
/// How far back a restart reads again: records may become visible out of the order of their ids.
const BACK_SECONDS: u32 = 600;
/// An id with an earlier time (2000-01-01) was not made by a clock.
const EARLIEST: u32 = 946_684_800;

#[async_trait]
impl Feed for Vnpost {
    fn resume(&self, stored: Option<&str>) -> String {
        let Some(stored) = stored else { return START.to_owned() };
        back(stored).unwrap_or_else(|| stored.to_owned())
    }

    async fn page(&self, cursor: &str, call: &Call<'_>) -> Result<FeedPage, CheckFailure> {
        self.read_page(cursor, self.config.page_size, call, Budget::new(call.deadline)).await
    }
}

impl Vnpost {
    pub(super) async fn read_page(
        &self,
        cursor: &str,
        size: usize,
        call: &Call<'_>,
        budget: Budget,
    ) -> Result<FeedPage, CheckFailure> {
        let parameters = [("pagesize", &*size.to_string()), ("lastId", cursor)];
        let request = Request::get(with_query(&self.config.tracking_url, &parameters));
        let answer = self.authorized(request, call, budget, Duration::ZERO).await?;
        let answer = answer.map_err(|f| CheckFailure { cause: f.cause(), said: f.said })?;
        self.page_of(&answer, cursor, size)
    }

    fn page_of(&self, answer: &Answer, cursor: &str, size: usize) -> Result<FeedPage, CheckFailure> {
        let unreadable = || {
            let setback = read_setback(answer);
            CheckFailure { cause: setback.cause, said: setback.said }
        };
        if !answer.is_success() {
            return Err(unreadable());
        }
        let page: Page = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
        if page.embedded.is_none() && page.returned.is_none() && page.size.is_none() {
            return Err(unreadable());
        }
        let docs = page.embedded.and_then(|embedded| embedded.docs).unwrap_or_default();
        let mut read = FeedPage { cursor: cursor.to_owned(), ..FeedPage::default() };
        let mut unread = 0u32;
        for doc in &docs {
            let id = serde_json::from_str::<Stub>(doc.get()).ok().map(|stub| stub.id.oid);
            // The newest id, wherever it stands in the page: a cursor that went back would loop.
            if let Some(id) = &id
                && *id > read.cursor
            {
                read.cursor.clone_from(id);
            }
            let record = serde_json::from_str::<Record>(doc.get()).ok();
            if let Some(movement) = record.and_then(|record| self.movement(record)) {
                read.moves.push(movement);
            } else {
                unread += 1;
                let record = id.as_deref().unwrap_or("without id");
                tracing::warn!(connector = %self.manifest.id, record, "a tracking record cannot be read");
            }
        }
        if unread > 0 {
            tracing::warn!(connector = %self.manifest.id, unread, read = read.moves.len(), "tracking records skipped");
        }
        read.more = docs.len() >= size && read.cursor != cursor;
        Ok(read)
    }

    fn movement(&self, record: Record) -> Option<ParcelMove> {
        let time = number(&record.EventTime)?;
        let at = match self.config.event_time_unit {
            TimeUnit::Milliseconds => Timestamp::from_millisecond(time),
            TimeUnit::Seconds => Timestamp::from_second(time),
        };
        let status_code = number(&record.StatusCode)?;
        Some(ParcelMove {
            record: record.id.oid,
            order_number: Some(text(Some(record.OrderNumber))).filter(|number| !number.is_empty())?,
            item_code: text(record.ItemCode),
            status_code,
            status: text(record.StatusMessage),
            post_office: text(record.POSID),
            at: at.ok()?,
            notes: text(record.Notes),
            means: self.meanings.get(&status_code).copied(),
        })
    }
}

/// Ten minutes before an ObjectId: its first four bytes are seconds since 1970. `None`: no such id.
fn back(id: &str) -> Option<String> {
    if id.len() != 24 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let seconds = u32::from_str_radix(id.get(..8)?, 16).ok().filter(|seconds| *seconds >= EARLIEST)?;
    Some(format!("{:08x}{:016x}", seconds - BACK_SECONDS, 0))
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
    }
}
