//! `/thao-tac/{id}/sua`: fix and retry. What the operation carries, unmasked, in a text field, with the fields that stay;
//! whoever opens it is on record.

use askama::Template;
use axum::{
    Extension, Form,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use lienthong_core::{
    flow::edit::{self, Answer, Wish},
    plan::edit::{Draft, fixed},
};
use serde::Deserialize;

use super::{
    notice,
    operation::back,
    shell::{Section, Shell, Visit, page as rendered},
};
use crate::{
    http::{
        AppState,
        api::{Number, editing, operations::checked_reason},
        auth::Caller,
        session::is_our_form,
    },
    i18n::{Arg, text_with},
};

/// What is edited can be as large as a message, written as a form.
pub const LARGEST_FORM: usize = 4 << 20;

#[derive(Template)]
#[template(path = "edit.html")]
struct EditPage {
    s: Shell,
    id: i64,
    action: String,
    content: String,
    expected: i64,
    reason: String,
    fixed: Vec<(&'static str, String)>,
    /// What is wrong, and where.
    fault: Option<(String, String)>,
}

/// A person's edit.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Edit {
    form_token: String,
    reason: String,
    content: String,
    expected: i64,
}

/// The form.
pub async fn page(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
) -> Response {
    match edit::open(&state.engine, id, &caller.subject).await {
        Ok(Answer::Done(draft)) => {
            let content = serde_json::to_string_pretty(&draft.content).unwrap_or_default();
            form(&visit, id, &draft, Edit { content, expected: draft.expected, ..Edit::default() }, None)
        }
        other => refused(&visit, id, other.map(|answer| answer_code(&answer))),
    }
}

/// Edits, and shows the form again with what is wrong, nothing lost.
pub async fn send(
    State(state): State<AppState>,
    visit: Visit,
    Extension(caller): Extension<Caller>,
    Number(id): Number,
    headers: HeaderMap,
    Form(wanted): Form<Edit>,
) -> Response {
    if !is_our_form(&headers, &state, &wanted.form_token) {
        return notice::foreign_form(&visit);
    }
    let draft = match edit::open(&state.engine, id, &caller.subject).await {
        Ok(Answer::Done(draft)) => draft,
        other => return refused(&visit, id, other.map(|answer| answer_code(&answer))),
    };
    let w = visit.w;
    let Some(reason) = checked_reason(&wanted.reason) else {
        let fault = (w.t("deed-reason"), String::new());
        return form(&visit, id, &draft, wanted, Some(fault));
    };
    let content = match serde_json::from_str(&wanted.content) {
        Ok(content) => content,
        Err(error) => {
            let fault = (w.tv("edit-no-json", &error.to_string()), String::new());
            return form(&visit, id, &draft, wanted, Some(fault));
        }
    };
    let wish = Wish { operation: id, actor: caller.subject, reason, expected: wanted.expected, content };
    match edit::edit(&state.engine, wish).await {
        Ok(Answer::Done(_)) => back(id, "edited"),
        Ok(Answer::NotAllowed("unchanged")) => {
            form(&visit, id, &draft, wanted, Some((w.name("deed", "unchanged"), String::new())))
        }
        Ok(answer @ (Answer::Faulty(_) | Answer::Stale(_))) => {
            let error = editing::done(id, answer).err();
            let fault = error.map(|error| {
                let key = format!("error-{}", error.code);
                let words = text_with(w.locale, &key, &[("what", Arg::Text(&error.what))]);
                (words, error.field.unwrap_or_default().into_owned())
            });
            form(&visit, id, &draft, wanted, fault)
        }
        other => refused(&visit, id, other.map(|answer| answer_code(&answer))),
    }
}

fn form(visit: &Visit, id: i64, draft: &Draft, edit: Edit, fault: Option<(String, String)>) -> Response {
    let w = visit.w;
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = EditPage {
        s: visit.shell(Section::Operations, format!("{} {id}", w.t("edit-title"))),
        id,
        action: w.name("action", draft.kind.name()),
        content: edit.content,
        expected: edit.expected,
        reason: edit.reason,
        fixed: fixed(draft.kind)
            .iter()
            .map(|(path, why)| (*path, w.name("edit-fixed", why.code())))
            .collect(),
        fault,
    };
    rendered(status, &page)
}

fn answer_code<T>(answer: &Answer<T>) -> Option<&'static str> {
    match answer {
        Answer::NotAllowed(code) => Some(code),
        Answer::NotFound => None,
        Answer::Done(_) | Answer::Stale(_) | Answer::Faulty(_) => Some("other"),
    }
}

fn refused(
    visit: &Visit,
    id: i64,
    code: Result<Option<&'static str>, lienthong_core::port::store::StoreError>,
) -> Response {
    match code {
        Ok(Some(code)) => Redirect::to(&format!("/thao-tac/{id}?kq={code}")).into_response(),
        Ok(None) => notice::not_found(visit, "notice-operation", &id.to_string()),
        Err(error) => notice::store_failed(visit, &error),
    }
}
