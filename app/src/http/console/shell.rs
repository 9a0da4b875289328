//! What every page has around it: language, who is logged in, navigation, the form token.

use askama::Template;
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use std::convert::Infallible;

use super::{when::When, words::Words};
use crate::{
    http::{
        AppState, assets,
        auth::{Caller, Scope},
        restored,
        session::{Cookie, form_binding},
    },
    i18n::Locale,
};

/// Which entry of the navigation is the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The front page.
    Province,
    /// Dossiers.
    Dossiers,
    /// Operations.
    Operations,
    /// Plans of replays.
    Replays,
    /// The morning sheet.
    Sheet,
    /// The national index.
    Index,
    /// The catalogue and the mappings.
    Catalogue,
    /// What partners sent by themselves.
    Inbound,
    /// The reconciliation.
    Reconciliation,
    /// Quarantine.
    Quarantine,
    /// None of them.
    None,
}

/// Who visits, in which language, from where.
#[derive(Clone)]
pub struct Visit {
    /// The words.
    pub w: Words,
    /// Who is logged in.
    pub caller: Option<Caller>,
    /// Now, by the engine's clock, microseconds.
    pub now_us: i64,
    form_token: String,
    uri: Uri,
    name: String,
    fenced: Option<(Timestamp, i64)>,
}

impl Visit {
    /// Reads it off a request.
    pub fn of(state: &AppState, headers: &HeaderMap, uri: &Uri, caller: Option<Caller>) -> Self {
        let chosen = Cookie::Language.read(headers, &state.display).and_then(|c| Locale::from_code(&c));
        Self {
            w: Words { locale: chosen.unwrap_or(state.display.locale) },
            caller,
            now_us: state.engine.clock.now().as_microsecond(),
            form_token: form_binding(headers, state).map(|b| state.auth.form_token(&b)).unwrap_or_default(),
            uri: uri.clone(),
            name: state.display.name.clone(),
            fenced: None,
        }
    }

    /// Whether the visitor may.
    pub fn may(&self, scope: Scope) -> bool {
        self.caller.as_ref().is_some_and(|c| c.may(scope))
    }

    /// A moment as seen from now.
    pub fn when(&self, at_us: i64) -> When {
        When::new(self.w.locale, at_us, self.now_us)
    }

    /// The frame of a page.
    pub fn shell(&self, section: Section, title: String) -> Shell {
        let other = match self.w.locale {
            Locale::Vi => Locale::En,
            Locale::En => Locale::Vi,
        };
        // A log-in token must not live on in a link.
        let pairs =
            self.uri.query().unwrap_or("").split('&').filter(|p| !p.is_empty() && !p.starts_with("token="));
        let mut query: Vec<&str> = pairs.collect();
        let lang = format!("lang={}", other.code());
        query.push(&lang);
        Shell {
            w: self.w,
            title,
            section,
            name: self.name.clone(),
            caller: self.caller.as_ref().map(|c| c.subject.clone()),
            form_token: self.form_token.clone(),
            style: assets::address("console.css"),
            icon: assets::address("icon.svg"),
            other_language: format!("{}?{}", self.uri.path(), query.join("&")),
            other_code: other.code(),
            now: self.when(self.now_us),
            refresh_seconds: None,
            fenced: self.fenced.map(|(since, waiting)| (self.when(since.as_microsecond()), waiting)),
        }
    }
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Caller>().cloned();
        let mut visit = Self::of(state, &parts.headers, &parts.uri, caller);
        // For those who are logged in only. A store that does not answer says so on the page itself.
        if visit.caller.is_some() {
            visit.fenced = restored::banner(&state.engine, state.views.as_ref()).await.unwrap_or_default();
        }
        Ok(visit)
    }
}

/// What `base.html` shows.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The words.
    pub w: Words,
    /// The page's title.
    pub title: String,
    /// The present section.
    pub section: Section,
    /// The installation.
    pub name: String,
    /// Who is logged in.
    pub caller: Option<String>,
    /// What forms carry.
    pub form_token: String,
    /// The style sheet's address.
    pub style: String,
    /// The icon's address.
    pub icon: String,
    /// This page in the other language.
    pub other_language: String,
    /// That language's code.
    pub other_code: &'static str,
    /// Now.
    pub now: When,
    /// Reloads itself after so many seconds.
    pub refresh_seconds: Option<u32>,
    /// Since when nothing goes out after a restore, and how many operations wait.
    pub fenced: Option<(When, i64)>,
}

impl Shell {
    /// Whether a section is the present one.
    pub fn is_in(&self, section: Section) -> bool {
        self.section == section
    }
}

/// A rendered page.
pub fn page<T: Template>(status: StatusCode, template: &T) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(error = %error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// `?lang=en` on any page: remembers it and goes on to the same page without it.
pub async fn choose_language(State(state): State<AppState>, request: Request) -> Result<Request, Response> {
    if request.method() != Method::GET {
        return Ok(request);
    }
    let query = request.uri().query().unwrap_or("");
    let wanted = query.split('&').filter_map(|p| p.strip_prefix("lang=")).find_map(Locale::from_code);
    let Some(locale) = wanted else { return Ok(request) };
    let rest: Vec<&str> = query.split('&').filter(|p| !p.is_empty() && !p.starts_with("lang=")).collect();
    let path = request.uri().path();
    // `//elsewhere` would be another site.
    let path = if path.starts_with("//") { "/" } else { path };
    let target = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    let mut response = Redirect::to(&target).into_response();
    if let Some(cookie) = Cookie::Language.set(&state.display, locale.code(), 365 * 86_400) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Err(response)
}
