//! One dossier's life as its events tell it: codes, status, steps, fields, payments, parcels.

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, tz::Offset};
use serde_json::{Map, Value};

use super::read::Event;

/// What is known of one subject after all its events.
#[derive(Debug, Clone, Default)]
pub struct Life {
    /// Whether a whole dossier was published: before that nothing can be told to the portal.
    pub is_known: bool,
    /// Fields, merged.
    pub dossier: Map<String, Value>,
    /// The portal's status.
    pub status: Option<u64>,
    /// In order.
    pub steps: Vec<Step>,
    /// By payment id.
    pub payments: BTreeMap<String, Paying>,
    /// By parcel id.
    pub parcels: BTreeMap<String, Posting>,
    highest: HashMap<String, u64>,
}

/// A progress step as the portal must show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub content: String,
    /// `yyyyMMddHHmmss`, business time.
    pub at: String,
    pub officer: String,
    pub title: String,
    pub department: String,
    /// The status with it.
    pub status: u64,
}

/// A payment that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Paying {
    pub content: String,
    pub amount: u64,
    /// Cancelled or paid at the desk: it may have been opened before, or not.
    pub is_settled_elsewhere: bool,
    asked: Value,
}

/// A parcel that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// The citizen's end: name, phone, address.
    pub citizen: [String; 3],
    pub is_pickup: bool,
    pub is_cancelled: bool,
}

impl Life {
    /// The code under which the portal knows it.
    pub fn portal_code<'a>(&'a self, subject: &'a str) -> &'a str {
        let stated = |field: &str| self.dossier.get(field).and_then(Value::as_str).filter(|c| !c.is_empty());
        stated("portal_code").or_else(|| stated("code")).unwrap_or(subject)
    }

    /// Takes an event in. `Err`: it had to be refused.
    pub(super) fn live(&mut self, event: &Event) -> Result<(), String> {
        let data = &event.data;
        self.ask_for_money(data.get("payment"))?;
        let highest = self.highest.entry(event.source.clone()).or_default();
        let is_late = event.sequence.is_some_and(|s| s < *highest);
        *highest = (*highest).max(event.sequence.unwrap_or(0));
        if !is_late {
            self.move_on(event);
        }
        if let Some(step) = data.get("step") {
            self.steps.push(step_of(step, self.status.unwrap_or(4)));
        }
        self.settle(event);
        self.post(event);
        Ok(())
    }

    fn move_on(&mut self, event: &Event) {
        let is_whole = event.data["snapshot"] == "full";
        if let Some(told) = event.data.get("dossier").and_then(Value::as_object) {
            if is_whole {
                self.dossier.clear();
                self.is_known = true;
            }
            merge(&mut self.dossier, told);
        }
        if event.name == "dossier.extended" {
            self.dossier.insert("due_at".into(), event.data["due_new"].clone());
        }
        self.status = match event.name.as_str() {
            "dossier.submitted" => Some(1),
            "dossier.received" => Some(2),
            "dossier.rejected" => Some(3),
            "dossier.processing"
            | "dossier.supplemented"
            | "dossier.paused"
            | "dossier.resumed"
            | "dossier.transferred" => Some(4),
            "dossier.supplement_requested" => Some(5),
            "dossier.fee_requested" => Some(6),
            "dossier.withdrawn" => Some(7),
            "dossier.stopped" | "dossier.refused" => Some(8),
            "dossier.finished" => Some(9),
            "dossier.returned" => Some(10),
            "dossier.reopened" | "dossier.adopted" => event.data["status"].as_u64(),
            _ => self.status,
        };
    }

    fn ask_for_money(&mut self, payment: Option<&Value>) -> Result<(), String> {
        let Some(payment) = payment else { return Ok(()) };
        let id = text(payment, "id");
        if let Some(known) = self.payments.get(&id) {
            let is_same = known.asked == *payment;
            return if is_same {
                Ok(())
            } else {
                Err("the id of an earlier payment, with other content".into())
            };
        }
        let amount =
            payment["lines"].as_array().into_iter().flatten().filter_map(|l| l["amount"].as_u64()).sum();
        let content = text(payment, "description");
        let paying = Paying { content, amount, is_settled_elsewhere: false, asked: payment.clone() };
        self.payments.insert(id, paying);
        Ok(())
    }

    /// Cancelled, or paid at the desk: by its id, or by what it is for.
    fn settle(&mut self, event: &Event) {
        if !matches!(event.name.as_str(), "fee.cancelled" | "fee.paid_at_desk") {
            return;
        }
        let id = event.data.get("payment_id").and_then(Value::as_str);
        for (known, paying) in &mut self.payments {
            let is_meant = match id {
                Some(id) => id == known,
                None => paying.asked["lines"] == event.data["lines"],
            };
            paying.is_settled_elsewhere |= is_meant;
        }
    }

    fn post(&mut self, event: &Event) {
        let data = &event.data;
        match event.name.as_str() {
            "post.return_requested" | "post.pickup_requested" => {
                let is_pickup = event.name == "post.pickup_requested";
                let citizen = &data["parcel"][if is_pickup { "sender" } else { "recipient" }];
                let citizen = ["name", "phone", "address"].map(|field| text(citizen, field));
                let posting = Posting { citizen, is_pickup, is_cancelled: false };
                self.parcels.entry(text(&data["parcel"], "id")).or_insert(posting);
            }
            "post.cancelled" => {
                if let Some(posting) = self.parcels.get_mut(&text(data, "parcel_id")) {
                    posting.is_cancelled = true;
                }
            }
            _ => {}
        }
    }
}

fn step_of(step: &Value, status: u64) -> Step {
    Step {
        content: text(step, "content"),
        at: stamp(&step["at"]),
        officer: text(step, "officer"),
        title: text(step, "title"),
        department: text(step, "department"),
        status,
    }
}

pub(super) fn text(of: &Value, field: &str) -> String {
    of.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A moment as the portal writes it; empty where there is none.
pub(super) fn stamp(moment: &Value) -> String {
    let moment = moment.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    moment
        .map_or_else(String::new, |m| Offset::constant(7).to_datetime(m).strftime("%Y%m%d%H%M%S").to_string())
}

/// Objects field by field; lists of things with an `id` by that id; everything else is replaced.
fn merge(into: &mut Map<String, Value>, told: &Map<String, Value>) {
    for (field, value) in told {
        match (into.get_mut(field), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) if new.iter().all(|e| e.get("id").is_some()) => {
                for element in new {
                    match (old.iter_mut().find(|o| o["id"] == element["id"]), element) {
                        (Some(Value::Object(known)), Value::Object(element)) => merge(known, element),
                        _ => old.push(element.clone()),
                    }
                }
            }
            _ => {
                into.insert(field.clone(), value.clone());
            }
        }
    }
}
