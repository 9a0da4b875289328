//! Orders and the feed of their movements.

use crate::clock;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// One order as the post knows it.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    pub order_number: String,
    /// The body of the first create.
    pub order: Value,
    /// Well-formed create requests that arrived, the first included.
    pub creates: u64,
    /// Creates after the first (answered 101).
    pub duplicates: u64,
    /// Duplicates whose content differed from the first.
    pub conflicts: u64,
    pub item_code: String,
    pub is_cancelled: bool,
    /// The last status code; `None` before the first movement.
    pub status_code: Option<i64>,
    /// Status codes in order.
    pub moves: Vec<i64>,
}

/// Totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub orders: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    pub cancelled: u64,
    pub events: u64,
    pub delivered: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) orders: HashMap<String, Order>,
    /// In order of creation.
    pub(super) numbers: Vec<String>,
    /// Tracking records; ids grow with the position.
    pub(super) events: Vec<(String, Value)>,
    pub(super) counts: Counts,
    /// Not reset, so that cursors of readers stay valid.
    ids: u64,
}

impl State {
    pub(super) fn create(&mut self, number: &str, order: &Value) {
        self.counts.orders += 1;
        self.numbers.push(number.to_owned());
        let new = Order {
            order_number: number.to_owned(),
            order: order.clone(),
            creates: 1,
            duplicates: 0,
            conflicts: 0,
            item_code: format!("EH{:09}VN", self.counts.orders),
            is_cancelled: false,
            status_code: None,
            moves: Vec::new(),
        };
        self.orders.insert(number.to_owned(), new);
    }

    /// Adds a record to the feed. `false` = unknown, cancelled or already delivered.
    pub(super) fn advance(&mut self, number: &str, code: i64, delivered: i64) -> bool {
        let Some(order) = self.orders.get_mut(number) else { return false };
        if order.is_cancelled || order.status_code == Some(delivered) {
            return false;
        }
        order.status_code = Some(code);
        order.moves.push(code);
        self.ids += 1;
        // A constant "time" part keeps ids increasing whatever the clock does.
        let id = format!("65f000000000{:012x}", self.ids);
        let (message, place) = match code {
            1 => ("Đã nhận yêu cầu", "100000"),
            2 => ("Đang vận chuyển", "100900"),
            code if code == delivered => ("Phát thành công", "790000"),
            _ => ("Cập nhật trạng thái", "100000"),
        };
        let record = json!({"_id": {"$oid": id}, "CustomerCode": order.order.get("CustomerCode"),
            "OrderNumber": number, "EventTime": clock::now().as_millisecond(), "POSID": place,
            "ItemCode": order.item_code, "StatusCode": code, "StatusMessage": message, "Notes": ""});
        self.events.push((id, record));
        self.counts.events += 1;
        self.counts.delivered += u64::from(code == delivered);
        true
    }

    /// Empties everything but the id counter.
    pub(super) fn clear(&mut self) {
        *self = Self { ids: self.ids, ..Self::default() };
    }

    /// The code after the order's last one in `script`.
    pub(super) fn next_code(&self, number: &str, script: &[i64]) -> Option<i64> {
        let order = self.orders.get(number)?;
        match order.status_code {
            None => script.first().copied(),
            Some(code) => {
                let at = script.iter().position(|known| *known == code)?;
                script.get(at + 1).copied()
            }
        }
    }
}
