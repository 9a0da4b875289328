//! What a person may change of what an operation carries before it goes out again, and what never changes. Pure: the
//! transaction around it is in `flow/edit.rs`.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    dossier::DossierState,
    event::{
        data::{Dossier, Parcel, Supplement},
        envelope::{check_party, not_empty, nul_in},
        names::{fitting, typed},
        rejection::{Reason, Rejection},
    },
    need::Need,
    operation::{ActionKind, Operation, OperationState, Payload, ProgressStep},
    parcel::Direction,
    policy::action::Repeat,
};

/// Why a field never changes; says what to do instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// It says what the operation is about: request another one.
    Identity,
    /// It says how much money goes where: take it back and request it anew.
    Money,
    /// Events say it: have the one-stop system publish one.
    Course,
    /// The list keeps its length.
    Length,
}

impl Fixed {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Money, Self::Course, Self::Length];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Money => "money",
            Self::Course => "course",
            Self::Length => "length",
        }
    }
}

/// Fields that stay, as JSON pointers; `*` stands for every element of a list.
type Fields = &'static [(&'static str, Fixed)];

const OF_DOSSIER: Fields = &[
    ("/code", Fixed::Identity),
    ("/fields/code", Fixed::Identity),
    ("/fields/portal_code", Fixed::Identity),
    ("/fields/origin", Fixed::Identity),
    ("/fields/unit/code", Fixed::Course),
    ("/fields/applicants/*/id", Fixed::Identity),
    ("/fields/documents/*/id", Fixed::Identity),
    ("/fields/fees/*/id", Fixed::Identity),
    ("/fields/papers/*/id", Fixed::Identity),
    ("/fields/results/*/id", Fixed::Identity),
    ("/supplements/*/id", Fixed::Identity),
    ("/status", Fixed::Course),
    ("/before_void", Fixed::Course),
    ("/former_units", Fixed::Course),
    ("/settled", Fixed::Money),
];
const OF_STEPS: Fields =
    &[("/action", Fixed::Identity), ("/steps", Fixed::Length), ("/steps/*/status", Fixed::Course)];
const OF_PAYMENT: Fields = &[
    ("/action", Fixed::Identity),
    ("/reference", Fixed::Identity),
    ("/amount", Fixed::Money),
    ("/sent_at", Fixed::Identity),
    ("/payment/id", Fixed::Identity),
    ("/payment/purpose", Fixed::Identity),
    ("/payment/platform", Fixed::Identity),
    ("/payment/expires_at", Fixed::Course),
    ("/payment/beneficiary", Fixed::Money),
    ("/payment/beneficiary_code", Fixed::Money),
    ("/payment/lines", Fixed::Length),
    ("/payment/lines/*/fee_id", Fixed::Identity),
    ("/payment/lines/*/kind", Fixed::Money),
    ("/payment/lines/*/amount", Fixed::Money),
];
const OF_PARCEL: Fields = &[
    ("/action", Fixed::Identity),
    ("/order_number", Fixed::Identity),
    ("/direction", Fixed::Identity),
    ("/parcel/id", Fixed::Identity),
    ("/parcel/cod_amount", Fixed::Money),
];
const OF_CANCELLATION: Fields =
    &[("/action", Fixed::Identity), ("/parcel", Fixed::Identity), ("/order_number", Fixed::Identity)];

/// What of an action never changes.
pub fn fixed(kind: ActionKind) -> Fields {
    match kind {
        ActionKind::SyncDossier => OF_DOSSIER,
        ActionKind::AppendProgress => OF_STEPS,
        ActionKind::OpenPayment => OF_PAYMENT,
        ActionKind::CreateParcel => OF_PARCEL,
        ActionKind::CancelParcel => OF_CANCELLATION,
        ActionKind::Unassigned => &[],
    }
}

/// What decides whether an operation can be edited now.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'a> {
    /// The action.
    pub kind: ActionKind,
    /// Where it stands.
    pub state: OperationState,
    /// Whether an attempt may have reached the partner.
    pub begun: bool,
    /// When it is due.
    pub due_at: Timestamp,
    /// What it waits for.
    pub need: Option<&'a Need>,
    /// The dossier version that it carries.
    pub version: Option<i64>,
    /// What the action table says of repeating it.
    pub repeat: Repeat,
}

impl<'a> Standing<'a> {
    /// That of a stored operation.
    pub fn of(operation: &'a Operation, repeat: Repeat) -> Self {
        Self {
            kind: operation.payload.kind(),
            state: operation.state,
            begun: operation.begun,
            due_at: operation.due_at,
            need: operation.need.as_ref(),
            version: operation.version,
            repeat,
        }
    }

    /// Why it cannot be edited now, as a stable code; none: it can.
    pub fn barrier(&self, now: Timestamp) -> Option<&'static str> {
        match self.state {
            OperationState::Succeeded
            | OperationState::Refused
            | OperationState::Superseded
            | OperationState::Dismissed => return Some("ended"),
            OperationState::Running => return Some("running"),
            OperationState::Awaiting => return Some("awaiting"),
            // What was sent may still arrive there.
            OperationState::Doubtful if self.due_at > now => return Some("doubtful"),
            OperationState::Doubtful
            | OperationState::Ready
            | OperationState::Held
            | OperationState::Stuck => {}
        }
        match (self.kind, self.need) {
            (ActionKind::Unassigned, _) => return Some("nothing_to_edit"),
            (ActionKind::SyncDossier, _) if self.version.is_none_or(|version| version == 0) => {
                return Some("nothing_to_edit");
            }
            // The person who sends it again decides; the snapshot will bring another state.
            (_, Some(Need::Decision(_) | Need::Restore(_))) => return Some("decision"),
            // Whether it goes out at all is what the partner's answer decides.
            (_, Some(Need::Recreated(_))) => return Some("recreated"),
            (_, Some(Need::Snapshot(_))) => return Some("snapshot"),
            _ => {}
        }
        // Once the partner may have it, a repeat has to be the same, or it is a second effect.
        (self.begun && self.repeat != Repeat::Safe).then_some("begun")
    }
}

/// What an operation carries, laid out to be edited.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The action.
    pub kind: ActionKind,
    /// The dossier's state, or the payload.
    pub content: Value,
    /// Which state of it this is: the dossier version, or the number of edits.
    pub expected: i64,
}

impl Draft {
    /// That of an operation. `state`: the dossier state that it carries, JSON. `None`: there is nothing to edit.
    pub fn of(operation: &Operation, state: Option<&str>) -> Option<Self> {
        let kind = operation.payload.kind();
        let (content, expected) = match kind {
            ActionKind::SyncDossier => (serde_json::from_str(state?).ok()?, operation.version?),
            ActionKind::AppendProgress
            | ActionKind::OpenPayment
            | ActionKind::CreateParcel
            | ActionKind::CancelParcel => {
                (serde_json::to_value(&*operation.payload).ok()?, i64::from(operation.edits))
            }
            ActionKind::Unassigned => return None,
        };
        Some(Self { kind, content, expected })
    }
}

/// What an operation carries from now on.
#[derive(Debug, Clone, PartialEq)]
pub enum Edited {
    /// This state of the dossier.
    State(Box<DossierState>),
    /// This payload.
    Payload(Payload),
}

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It touches a field that never changes: where, why.
    Fixed(String, Fixed),
    /// It does not fit: where, what was expected, what was found.
    Misfit(Box<Rejection>),
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        Self::Misfit(Box::new(rejection))
    }
}

/// Checks an edit of `payload` as strictly as an event's data at admission. `largest`: bytes.
pub fn check(draft: &Draft, payload: &Payload, after: &Value, largest: usize) -> Result<Edited, Fault> {
    let size = after.to_string().len();
    if size > largest {
        let (expected, got) = (format!("không quá {largest} byte"), format!("{size} byte"));
        return Err(Rejection::new(Reason::TooLarge, "", expected, got).into());
    }
    if !after.is_object() {
        return Err(misfit("", "một đối tượng JSON", after));
    }
    if let Some(path) = nul_in(after, "") {
        let expected = "văn bản không chứa ký tự U+0000";
        return Err(Rejection::new(Reason::NulCharacter, path, expected, "U+0000").into());
    }
    for (pattern, why) in fixed(draft.kind) {
        if let Some(path) = touched(&draft.content, after, pattern, *why) {
            return Err(Fault::Fixed(path, *why));
        }
    }
    let edited = match payload {
        Payload::SyncDossier | Payload::AdoptDossier => Edited::State(Box::new(state(after)?)),
        Payload::AppendProgress { .. } => {
            let steps: Vec<ProgressStep> = part(after, "/steps")?;
            for (at, step) in steps.iter().enumerate() {
                not_empty(&step.content, &format!("/steps/{at}/content"))?;
            }
            Edited::Payload(Payload::AppendProgress { steps })
        }
        Payload::OpenPayment { reference, amount, sent_at, .. } => Edited::Payload(Payload::OpenPayment {
            payment: part(after, "/payment")?,
            reference: reference.clone(),
            amount: *amount,
            sent_at: sent_at.clone(),
        }),
        Payload::CreateParcel { direction, order_number, .. } => {
            let parcel: Box<Parcel> = part(after, "/parcel")?;
            match direction {
                Direction::Pickup => check_party(parcel.sender.as_ref(), "/parcel/sender")?,
                Direction::Return => check_party(parcel.recipient.as_ref(), "/parcel/recipient")?,
            }
            let (direction, order_number) = (*direction, order_number.clone());
            Edited::Payload(Payload::CreateParcel { parcel, direction, order_number })
        }
        Payload::CancelParcel { parcel, order_number, .. } => Edited::Payload(Payload::CancelParcel {
            parcel: parcel.clone(),
            order_number: order_number.clone(),
            reason: part(after, "/reason")?,
        }),
        Payload::Unassigned { .. } => return Err(misfit("", "không có gì để sửa", after)),
    };
    if let Some(path) = unknown(after, &known(&edited), &draft.content, "") {
        return Err(misfit(&path, "một trường có trong hợp đồng", after));
    }
    Ok(edited)
}

/// A dossier's state; its merged fields and supplements are read as at admission.
fn state(after: &Value) -> Result<DossierState, Fault> {
    let state: DossierState = fitting(after).map_err(|(path, expected)| misfit(&path, &expected, after))?;
    if let Some(fields) = after.get("fields") {
        at::<Dossier>(fields, "/fields", after)?;
    }
    for (n, supplement) in state.supplements.iter().enumerate() {
        at::<Supplement>(&Value::Object(supplement.clone()), &format!("/supplements/{n}"), after)?;
    }
    Ok(state)
}

/// What the types make of an edit: the names that are known in it.
fn known(edited: &Edited) -> Value {
    match edited {
        Edited::Payload(payload) => serde_json::to_value(payload).unwrap_or_default(),
        Edited::State(state) => {
            let mut known = serde_json::to_value(&**state).unwrap_or_default();
            if let (Some(known), Ok(fields)) = (known.as_object_mut(), state.dossier()) {
                known.insert("fields".into(), serde_json::to_value(fields).unwrap_or_default());
                let supplements = state.supplements().ok().and_then(|s| serde_json::to_value(s).ok());
                known.insert("supplements".into(), supplements.unwrap_or_default());
            }
            known
        }
    }
}

/// The first name that neither the contract knows nor was there before: a slip of the pen would be sent as nothing.
fn unknown(after: &Value, known: &Value, before: &Value, path: &str) -> Option<String> {
    match (after, known) {
        (Value::Object(fields), Value::Object(_)) => fields.iter().find_map(|(name, inner)| {
            let path = format!("{path}/{name}");
            match (known.get(name), before.get(name)) {
                (None, None) => Some(path),
                (Some(known), was) => unknown(inner, known, was.unwrap_or(&Value::Null), &path),
                (None, Some(_)) => None,
            }
        }),
        (Value::Array(items), Value::Array(known)) => items.iter().enumerate().find_map(|(n, inner)| {
            let before = before.get(n).unwrap_or(&Value::Null);
            unknown(inner, known.get(n)?, before, &format!("{path}/{n}"))
        }),
        _ => None,
    }
}

/// A part of the edit as a typed value.
fn part<T: serde::de::DeserializeOwned>(after: &Value, path: &str) -> Result<T, Fault> {
    let Some(value) = after.pointer(path) else {
        return Err(misfit(path, "trường này là bắt buộc", after));
    };
    at(value, path, after)
}

fn at<T: serde::de::DeserializeOwned>(value: &Value, path: &str, after: &Value) -> Result<T, Fault> {
    typed(value).map_err(|(inner, expected)| misfit(&format!("{path}{inner}"), &expected, after))
}

fn misfit(path: &str, expected: &str, after: &Value) -> Fault {
    let got = after.pointer(path).map_or_else(|| "không có".to_owned(), Value::to_string);
    Rejection::new(Reason::Data, path, expected, got).into()
}

/// Where an edit touches a fixed field. Elements may be added to a list unless its length is fixed; those that were
/// there keep their place.
fn touched(before: &Value, after: &Value, pattern: &str, why: Fixed) -> Option<String> {
    let Some((list, rest)) = pattern.split_once("/*") else {
        let (was, is) = (before.pointer(pattern), after.pointer(pattern));
        let is_same = match why {
            Fixed::Length => length(was) == length(is),
            Fixed::Identity | Fixed::Money | Fixed::Course => {
                was.filter(|v| !v.is_null()) == is.filter(|v| !v.is_null())
            }
        };
        return (!is_same).then(|| pattern.to_owned());
    };
    let is_key = rest == "/id";
    let ids = |value: &Value| -> Vec<Value> {
        let items = value.pointer(list).and_then(Value::as_array).into_iter().flatten();
        items.map(|item| item.pointer(rest).cloned().unwrap_or_default()).collect()
    };
    let (was, is) = (ids(before), ids(after));
    let changed = was.iter().enumerate().position(|(n, value)| is.get(n) != Some(value));
    let doubled = || (was.len()..is.len()).find(|n| is_key && is[..*n].contains(&is[*n]));
    changed.or_else(doubled).map(|n| format!("{list}/{n}{rest}"))
}

fn length(list: Option<&Value>) -> usize {
    list.and_then(Value::as_array).map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures::{self, nth_code, parcel_body, payment_body, step};
    use serde_json::json;
    use std::sync::Arc;

    fn draft(payload: Payload, state: Option<&str>) -> (Draft, Payload) {
        let lane = fixtures::lane(1, "dvcqg", "k");
        let operation = Operation {
            version: Some(3),
            payload: Arc::new(payload.clone()),
            ..fixtures::operation(1, &lane, 1)
        };
        (Draft::of(&operation, state).unwrap(), payload)
    }

    fn dossier() -> (Draft, Payload) {
        let state = serde_json::to_string(&fixtures::dossier_state(&nth_code(1))).unwrap();
        draft(Payload::SyncDossier, Some(&state))
    }

    fn edit(of: &(Draft, Payload), path: &str, value: Value) -> Result<Edited, Fault> {
        let mut after = of.0.content.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        match after.pointer_mut(parent).unwrap() {
            Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
            Value::Array(items) => items.push(value),
            other => panic!("{other}"),
        }
        check(&of.0, &of.1, &after, 1 << 20)
    }

    fn payment() -> (Draft, Payload) {
        let payment = Box::new(payment_body("TT-1"));
        let (reference, sent_at) = (fixtures::reference("LT1"), "20261123080500".to_owned());
        draft(Payload::OpenPayment { payment, reference, amount: 8000, sent_at }, None)
    }

    fn parcel() -> (Draft, Payload) {
        let parcel = Box::new(parcel_body("BG-1"));
        let order_number = crate::id::OrderNumber::of(&parcel.id);
        draft(Payload::CreateParcel { parcel, direction: Direction::Return, order_number }, None)
    }

    #[test]
    fn every_action_keeps_what_it_is_about() {
        let steps = draft(Payload::AppendProgress { steps: vec![step("một")] }, None);
        let all = [
            (dossier(), "/code", json!("000.00.08.H99-261122-0009")),
            (dossier(), "/fields/unit", json!({ "code": "000.00.09.H99" })),
            (dossier(), "/status", json!(9)),
            (dossier(), "/settled", json!([])),
            (steps, "/steps/-", json!(step("hai"))),
            (payment(), "/payment/lines", json!([])),
            (payment(), "/amount", json!(1)),
            (payment(), "/payment/beneficiary_code", json!("KB-1")),
            (parcel(), "/parcel/cod_amount", json!(1000)),
            (parcel(), "/order_number", json!("X")),
        ];
        for (of, path, value) in all {
            let is_same = of.0.content.pointer(path).is_some_and(|was| *was == value);
            let edited = edit(&of, path, value);
            assert_eq!(matches!(edited, Err(Fault::Fixed(..))), !is_same, "{path}: {edited:?}");
        }
    }

    #[test]
    fn elements_of_a_dossier_keep_their_ids_and_new_ones_may_come() {
        let of = dossier();
        let list = of.0.content.pointer("/fields/documents").unwrap().as_array().unwrap().clone();
        assert!(edit(&of, "/fields/documents/-", json!({ "id": "new", "name": "thêm" })).is_ok());
        let fault = edit(&of, "/fields/documents/-", list[0].clone()).unwrap_err();
        assert_eq!(fault, Fault::Fixed(format!("/fields/documents/{}/id", list.len()), Fixed::Identity));
        let fault = edit(&of, "/fields/documents", json!([])).unwrap_err();
        assert_eq!(fault, Fault::Fixed("/fields/documents/0/id".into(), Fixed::Identity));
    }

    #[test]
    fn an_edit_is_checked_as_an_event_is_and_told_where() {
        let cases = [
            (dossier(), "/fields/due_at", json!("hôm qua"), "/fields/due_at"),
            (dossier(), "/fields/applicant", json!([]), "/fields/applicant"),
            (dossier(), "/fields/summary", json!("a\u{0}b"), "/fields/summary"),
            (dossier(), "/fields/sumary", json!("gõ nhầm"), "/fields/sumary"),
            (dossier(), "/extra", json!(1), "/extra"),
            (parcel(), "/parcel/recipient", json!(null), "/parcel/recipient"),
            (payment(), "/payment/payer", json!({ "fone": "1" }), "/payment/payer/fone"),
        ];
        for (of, path, value, told) in cases {
            match edit(&of, path, value) {
                Err(Fault::Misfit(rejection)) => assert_eq!(rejection.path, told, "{rejection:?}"),
                other => panic!("{path}: {other:?}"),
            }
        }
        let small = check(&payment().0, &payment().1, &payment().0.content, 10);
        assert!(matches!(small, Err(Fault::Misfit(r)) if r.reason == Reason::TooLarge));
    }

    #[test]
    fn a_dossier_with_money_and_former_units_can_be_edited_and_keeps_them() {
        let mut state = fixtures::dossier_state(&nth_code(1));
        state.former_units.push((fixtures::unit("000.00.09.H99"), fixtures::morning(0)));
        state.settled.push(crate::dossier::Settled {
            payment: Some("TT-1".into()),
            lines: vec![("LP".into(), 8000)],
            amount: 8000,
            at: fixtures::morning(0),
            how: crate::dossier::SettledHow::Online,
        });
        let of = draft(Payload::SyncDossier, Some(&serde_json::to_string(&state).unwrap()));
        state.fields.insert("summary".into(), json!("sửa"));
        assert_eq!(edit(&of, "/fields/summary", json!("sửa")), Ok(Edited::State(Box::new(state))));
        let fault = edit(&of, "/settled/0/amount", json!(1)).unwrap_err();
        assert_eq!(fault, Fault::Fixed("/settled".into(), Fixed::Money));
    }

    #[test]
    fn names_that_were_there_before_may_stay() {
        let mut state = fixtures::dossier_state(&nth_code(1));
        state.fields.insert("of_the_source".into(), json!({ "x": 1 }));
        let state = serde_json::to_string(&state).unwrap();
        let of = draft(Payload::SyncDossier, Some(&state));
        assert!(edit(&of, "/fields/summary", json!("sửa")).is_ok());
    }

    #[test]
    fn what_the_partner_may_have_is_only_edited_where_a_repeat_is_safe() {
        let now = fixtures::morning(0);
        let standing = |state, begun, repeat| Standing {
            kind: ActionKind::CreateParcel,
            state,
            begun,
            due_at: fixtures::morning(60),
            need: None,
            version: None,
            repeat,
        };
        use OperationState as S;
        assert_eq!(standing(S::Stuck, false, Repeat::ByKey).barrier(now), None);
        assert_eq!(standing(S::Stuck, true, Repeat::ByKey).barrier(now), Some("begun"));
        assert_eq!(standing(S::Stuck, true, Repeat::Safe).barrier(now), None);
        assert_eq!(standing(S::Doubtful, true, Repeat::Safe).barrier(now), Some("doubtful"));
        assert_eq!(standing(S::Doubtful, true, Repeat::Safe).barrier(fixtures::morning(60)), None);
        assert_eq!(standing(S::Running, false, Repeat::Safe).barrier(now), Some("running"));
        assert_eq!(standing(S::Awaiting, true, Repeat::Safe).barrier(now), Some("awaiting"));
    }
}
