//! `TraCuuHoSo` (contract 7.1): whether the portal knows a dossier, and where configuration names the fields, what its row
//! says. The contract does not say what a row holds.

use async_trait::async_trait;
use lienthong_core::{
    id::DossierCode,
    outcome::{Cause, Outcome},
    port::connector::{Call, CheckFailure, LookUps},
    reconciliation::Answer,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Dvcqg,
    classify::{self, Meaning},
    exchange::{Effect, Visit},
    failed,
    wire::TraCuuHoSo,
};

/// The fields of a row of `TraCuuHoSo` that are read; none is known. Default: existence only.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LookupFields {
    /// The status, a number as in `TrangThaiHoSo`.
    pub status: Option<String>,
    /// The dossier's code.
    pub code: Option<String>,
}

/// The rows that the portal has under a code. Only a clear answer counts: anything else is a failure.
pub(super) async fn rows(visit: &mut Visit<'_>, code: &str) -> Result<Vec<Value>, Outcome> {
    let reply = visit.ask(&TraCuuHoSo { mahoso: code }, Effect::None).await?;
    let config = &visit.portal.config;
    match (classify::meaning(&reply, config), reply.rows()) {
        (Meaning::Success, Some(rows)) => Ok(rows.into_iter().cloned().collect()),
        (Meaning::Success, None) => {
            Err(Outcome::not_done(Cause::Unreadable, "TraCuuHoSo: success without a result"))
        }
        (Meaning::Unknown, _) => Ok(Vec::new()),
        _ => Err(classify::read_refusal(&reply, config, &visit.personal())),
    }
}

#[async_trait]
impl LookUps for Dvcqg {
    async fn look_up(&self, code: &DossierCode, call: &Call<'_>) -> Result<Answer, CheckFailure> {
        let mut visit = Visit::new(self, call, Vec::new());
        let rows = rows(&mut visit, code.as_str()).await.map_err(failed)?;
        read(&rows, code.as_str(), &self.config.lookup_fields)
    }
}

fn read(rows: &[Value], code: &str, fields: &LookupFields) -> Result<Answer, CheckFailure> {
    let named = |row: &Value| text(row.get(fields.code.as_deref()?)?);
    let is_it = |row: &&Value| named(row).is_none_or(|named| named == code);
    let others = rows.iter().filter(|row| !is_it(row)).filter_map(named).collect();
    let Some(row) = rows.iter().find(is_it) else {
        if rows.is_empty() {
            return Ok(Answer::default());
        }
        // Rows about others only: that says nothing about this one.
        let said = "TraCuuHoSo: the rows name other dossiers only".to_owned();
        return Err(CheckFailure { cause: Cause::Unreadable, said });
    };
    let status = fields.status.as_deref().and_then(|field| text(row.get(field)?)?.parse().ok());
    Ok(Answer { is_known: true, status, others })
}

/// A scalar as text; what is blank says nothing.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(status: Option<&str>, code: Option<&str>) -> LookupFields {
        LookupFields { status: status.map(str::to_owned), code: code.map(str::to_owned) }
    }

    fn known(status: Option<u8>) -> Answer {
        Answer { is_known: true, status, others: Vec::new() }
    }

    #[test]
    fn without_configuration_a_row_means_known_and_nothing_else_is_read() {
        let row = json!({"MAHOSO": "B", "TRANGTHAIHOSO": "9"});
        assert_eq!(read(&[row], "A", &LookupFields::default()).unwrap(), known(None));
        assert_eq!(read(&[], "A", &LookupFields::default()).unwrap(), Answer::default());
    }

    #[test]
    fn configured_fields_are_read_as_text_or_number() {
        let both = fields(Some("TRANGTHAIHOSO"), Some("MAHOSO"));
        for status in [json!("4"), json!(4), json!(" 4 ")] {
            let row = json!({"MAHOSO": "A", "TRANGTHAIHOSO": status});
            assert_eq!(read(&[row], "A", &both).unwrap(), known(Some(4)));
        }
        for status in [json!("Đang xử lý"), json!(""), json!(null), json!(4000)] {
            let row = json!({"MAHOSO": "A", "TRANGTHAIHOSO": status});
            assert_eq!(read(&[row], "A", &both).unwrap(), known(None), "what is no status says nothing");
        }
    }

    #[test]
    fn rows_about_others_say_nothing_about_this_one() {
        let by_code = fields(None, Some("MAHOSO"));
        let (ours, other) = (json!({"MAHOSO": "A"}), json!({"MAHOSO": "B"}));
        let answer = read(&[other.clone(), ours], "A", &by_code).unwrap();
        assert_eq!((answer.is_known, answer.others), (true, vec!["B".to_owned()]));
        assert_eq!(read(&[other], "A", &by_code).unwrap_err().cause, Cause::Unreadable);
        // A row without the field is about what was asked for.
        assert_eq!(read(&[json!({})], "A", &by_code).unwrap(), known(None));
    }
}
