//! Creating, cancelling and tracking orders (docs/partners/vnpost.md, 1.3-1.6).

use super::Post;
use crate::{
    journal::Effect,
    request::{Answer, Incoming},
    runtime::lock,
    shape::{
        Field,
        Kind::{Int, Number, Text},
        check, filled, may, text,
    },
    simulator::Reply,
};
use serde_json::{Value, json};

/// The order of flavour V1; `ItemCode` and `FlagConfig` belong to V3 and are unknown here.
const ORDER: &[Field] = &[
    filled("CustomerCode", Text(100)),
    filled("OrderNumber", Text(100)),
    may("CODAmount", Number),
    filled("SenderProvince", Int),
    may("SenderDistrict", Int),
    filled("SenderAddress", Text(1000)),
    filled("SenderName", Text(500)),
    may("SenderEmail", Text(200)),
    filled("SenderTel", Text(50)),
    may("SenderDesc", Text(4000)),
    may("Description", Text(4000)),
    filled("ReceiverName", Text(500)),
    filled("ReceiverAddress", Text(1000)),
    filled("ReceiverTel", Text(50)),
    filled("ReceiverProvince", Int),
    may("ReceiverDistrict", Int),
    may("ReceiverEmail", Text(200)),
];

const MAX_PAGE: usize = 1000;

impl Post {
    pub(super) fn create(&self, incoming: &Incoming) -> Reply {
        let body = &incoming.json;
        let mut out = Vec::new();
        if incoming.method != "POST" {
            out.push("method: must be POST".to_owned());
        }
        if !incoming.is_json() {
            out.push("Content-Type: must be application/json".to_owned());
        }
        check("", body, ORDER, &mut out);
        self.check_customer(text(body, "CustomerCode"), &mut out);
        if !out.is_empty() {
            return self.invalid(out);
        }
        let number = text(body, "OrderNumber");
        let mut state = lock(&self.state);
        if let Some(order) = state.orders.get_mut(number) {
            let is_conflict = order.order != *body;
            order.creates += 1;
            order.duplicates += 1;
            order.conflicts += u64::from(is_conflict);
            state.counts.duplicates += 1;
            state.counts.conflicts += u64::from(is_conflict);
            let mut reply = Reply::new(result(101, "Đơn hàng đã tồn tại"), Effect::Repeated);
            if is_conflict {
                reply.violations.push("OrderNumber: was used before with other content".to_owned());
            }
            return reply;
        }
        state.create(number, body);
        if self.options.accept_event
            && let Some(code) = self.options.script.first()
        {
            state.advance(number, *code, self.options.delivered_code);
        }
        Reply::new(result(100, "Thành công"), Effect::Created)
    }

    pub(super) fn cancel(&self, incoming: &Incoming) -> Reply {
        let (customer, number) = (incoming.param("CustomerCode"), incoming.param("OrderNumber"));
        let mut out = Vec::new();
        if incoming.method != "GET" {
            out.push("method: must be GET".to_owned());
        }
        self.check_customer(customer.unwrap_or_default(), &mut out);
        if number.unwrap_or_default().is_empty() {
            out.push("OrderNumber: is required".to_owned());
        }
        check_params(incoming, &["CustomerCode", "OrderNumber"], &mut out);
        if !out.is_empty() {
            return self.invalid(out);
        }
        let mut state = lock(&self.state);
        let refused = self.options.cancel_refused_code;
        let Some(order) = state.orders.get_mut(number.unwrap_or_default()) else {
            return Reply::new(result(refused, "Không tìm thấy đơn hàng"), Effect::None);
        };
        if order.status_code == Some(self.options.delivered_code) {
            return Reply::new(result(refused, "Đơn hàng đã phát"), Effect::None);
        }
        if order.is_cancelled {
            return Reply::new(result(100, "Đơn hàng đã hủy"), Effect::Repeated);
        }
        order.is_cancelled = true;
        state.counts.cancelled += 1;
        Reply::new(result(100, "Hủy thành công"), Effect::Cancelled)
    }

    pub(super) fn tracking(&self, incoming: &Incoming) -> Reply {
        let size = incoming.param("pagesize").and_then(|text| text.parse::<usize>().ok());
        let last = incoming.param("lastId").unwrap_or_default();
        let mut out = Vec::new();
        if incoming.method != "GET" {
            out.push("method: must be GET".to_owned());
        }
        let size = size.filter(|size| (1..=MAX_PAGE).contains(size)).unwrap_or_else(|| {
            out.push(format!("pagesize: must be 1 to {MAX_PAGE}"));
            1
        });
        if last.len() != 24 || !last.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            out.push("lastId: must be 24 hex digits".to_owned());
        }
        check_params(incoming, &["pagesize", "lastId"], &mut out);
        if !out.is_empty() {
            return self.invalid(out);
        }
        let state = lock(&self.state);
        let start = state.events.partition_point(|(id, _)| id.as_str() <= last);
        let left = state.events.len() - start;
        let page: Vec<&Value> =
            state.events.iter().skip(start).take(size).map(|(_, record)| record).collect();
        let mut answer = json!({"_size": left, "_total_pages": left.div_ceil(size), "_returned": page.len()});
        if !page.is_empty() {
            answer["_embedded"] = json!({ "rh:doc": page });
        }
        Reply::new(Answer::json(200, answer), Effect::None)
    }

    fn check_customer(&self, code: &str, out: &mut Vec<String>) {
        if code != self.options.customer_code {
            out.push(format!("CustomerCode: {code:?} is not ours"));
        }
    }

    fn invalid(&self, violations: Vec<String>) -> Reply {
        let message = format!("Dữ liệu không hợp lệ: {}", violations.join("; "));
        Reply::violated(result(self.options.invalid_code, &message), violations)
    }
}

fn check_params(incoming: &Incoming, known: &[&str], out: &mut Vec<String>) {
    for (name, _) in incoming.query.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        out.push(format!("{name}: unknown parameter"));
    }
}

pub(super) fn result(status: i64, message: &str) -> Answer {
    Answer::json(200, json!({"Status": status, "Message": message}))
}
