//! What people may see of citizens: names and addresses yes, numbers by which somebody could act as them no.
//! Phone, identity, tax and account numbers keep three characters at each end; look-up secrets keep none.

use serde_json::Value;

const HIDDEN: &str = "••••";

/// What a vendor said and nobody understood: any number in it may be somebody's.
const STRANGE: &str = "not_understood";

/// `0900000001` → `090****001`; short ones vanish.
pub fn number(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() < 8 {
        return if chars.is_empty() { String::new() } else { HIDDEN.into() };
    }
    let (head, tail) = (&chars[..3], &chars[chars.len() - 3..]);
    head.iter().copied().chain("****".chars()).chain(tail.iter().copied()).collect()
}

/// `an.tran@example.vn` → `a****@example.vn`.
fn email(text: &str) -> String {
    match text.split_once('@') {
        Some((local, host)) => format!("{}****@{host}", local.chars().next().unwrap_or('*')),
        None => number(text),
    }
}

/// Masks a JSON value in place, by the names of its fields.
pub fn value(value: &mut Value) {
    within(value, "", "");
}

fn within(value: &mut Value, name: &str, parent: &str) {
    match value {
        Value::Object(fields) => {
            let name = if parent == STRANGE { STRANGE } else { name };
            for (field, inner) in fields {
                let field = field.clone();
                within(inner, &field, name);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| within(item, name, parent)),
        Value::String(text) => {
            if let Some(masked) = field(name, parent, text) {
                *text = masked;
            }
        }
        Value::Number(digits) => {
            if let Some(masked) = field(name, parent, &digits.to_string()) {
                *value = Value::String(masked);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// What is shown of a field's text; none: all of it, but for numbers inside free text.
fn field(name: &str, parent: &str, text: &str) -> Option<String> {
    match (name, parent) {
        ("phone" | "id_number" | "portal_account" | "account", _)
        | ("number", "id" | "identity" | "account") => Some(number(text)),
        ("email", _) => Some(if text.is_empty() { String::new() } else { email(text) }),
        (_, STRANGE) if text.bytes().filter(u8::is_ascii_digit).count() >= 6 => Some(number(text)),
        (_, STRANGE) => Some(free(text)),
        ("lookup_secret", _) => Some(if text.is_empty() { String::new() } else { HIDDEN.into() }),
        ("summary" | "note" | "content" | "said" | "reason" | "comment" | "description", _) => {
            Some(free(text))
        }
        _ => None,
    }
}

/// What is shown of a value that stood at a JSON pointer (`/data/payment/payer/phone`).
pub fn at_path(path: &str, text: &str) -> String {
    let mut parts = path.rsplit('/').filter(|p| p.parse::<usize>().is_err());
    let (name, parent) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let bare = text.trim_matches('"');
    field(name, parent, bare).unwrap_or_else(|| free(text))
}

/// Masks what looks like a phone or identity number inside words: a run of digits of that length, standing alone.
pub fn free(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut run = String::new();
    let mut before = ' ';
    for next in text.chars().chain([' ']) {
        if next.is_ascii_digit() {
            run.push(next);
            continue;
        }
        if !run.is_empty() {
            let stands_alone = !before.is_alphanumeric() && !next.is_alphanumeric();
            shown.push_str(&if stands_alone && is_personal(&run) { number(&run) } else { run.clone() });
            run.clear();
        }
        before = next;
        shown.push(next);
    }
    shown.pop();
    shown
}

/// Ten digits with 0 (phone), eleven with 84 (the same abroad), nine (old identity), twelve with 0 (identity).
fn is_personal(run: &str) -> bool {
    match run.len() {
        9 => !run.ends_with("000"),
        10 | 12 => run.starts_with('0'),
        11 => run.starts_with("84"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_in_what_nobody_understood_are_masked_wherever_they_stand() {
        let mut body = json!({"data":{"not_understood":{"Fax":"02703823456","La":{"a":["0900000001",123_456_789],"b":"chữ"}}}});
        value(&mut body);
        assert_eq!(
            body,
            json!({"data":{"not_understood":{"Fax":"027****456","La":{"a":["090****001","123****789"],"b":"chữ"}}}})
        );
    }

    #[test]
    fn numbers_of_citizens_are_masked_and_the_rest_stays() {
        let mut body = json!({"applicant":{"name":"Trần Thị Mẫu","phone":"0900000001","email":"mau@x.vn",
            "id":{"kind":"citizen_id","number":"080099000001"}},"results":[{"number":"12/GCN"}],
            "lookup_secret":"7K3M","amount":8000,"payer":{"id_number":"080099000001"},
            "beneficiary":{"account":"0021000000001"},"note":"gọi 0900000001 nhé","contact":{"phone":900_000_001}});
        value(&mut body);
        assert_eq!(
            body,
            json!({"applicant":{"name":"Trần Thị Mẫu","phone":"090****001","email":"m****@x.vn",
            "id":{"kind":"citizen_id","number":"080****001"}},"results":[{"number":"12/GCN"}],
            "lookup_secret":"••••","amount":8000,"payer":{"id_number":"080****001"},
            "beneficiary":{"account":"002****001"},"note":"gọi 090****001 nhé","contact":{"phone":"900****001"}})
        );
    }

    #[test]
    fn codes_and_amounts_in_words_stay_readable() {
        for text in ["000.00.08.H99-261122-0001", "EH123456789VN", "150000000 đồng", "20261123080500", ""]
        {
            assert_eq!(free(text), text);
        }
        assert_eq!(free("CCCD 080099000001."), "CCCD 080****001.");
    }

    #[test]
    fn a_value_is_masked_by_where_it_stood() {
        assert_eq!(at_path("/data/dossier/applicant/id/number", "\"080099000001\""), "080****001");
        assert_eq!(at_path("/data/dossier/applicants/0/phone", "0900000001"), "090****001");
        assert_eq!(at_path("/data/status", "12"), "12");
    }
}
