//! The national public service portal (Cổng Dịch vụ công quốc gia), behind the province's security-server adapter.
//! Contract: docs/partners/dvcqg.md. What is quirky about it: README.md.

mod catalogue;
mod classify;
mod config;
mod exchange;
mod lists;
mod map;
mod notes;
mod procedure;
mod progress;
mod session;
mod sync;
#[cfg(test)]
mod tests;
mod wire;

pub use config::{
    CatalogueConfig, Config, DstcodeIn, Lengths, LookUp, OnUnclearSteps, PaperCodes, PortalBorn,
    ProcedureEntry, Procedures, Rewrite,
};

use async_trait::async_trait;
use jiff::SignedDuration;
use lienthong_core::{
    dossier::DossierState,
    event::data::Dossier,
    id::ConnectorId,
    operation::{ActionKind, Payload},
    outcome::{Cause, Outcome},
    plan::rules::PartnerKind,
    port::connector::{Call, CatalogueSource, CheckFailure, Connector, Manifest, Task},
};
use secrecy::SecretString;
use std::sync::Arc;

use crate::http::{ConfigError, Http, HttpConfig, Request, SecretSource};
use exchange::{Effect, Visit};

/// How many operations are with the portal at once, where configuration does not say.
const IN_FLIGHT: usize = 16;
/// `LayThuTuc`, the same again with a new session after a login, look-up, create, look-up, update.
const CALLS_OF_SYNC: u32 = 7;
/// Ten steps one by one, one of them again after a login.
const CALLS_OF_PROGRESS: u32 = 12;

/// A connection to the portal.
pub struct Dvcqg {
    manifest: Manifest,
    config: Config,
    password: SecretString,
    http: Http,
    login_url: String,
    share_url: String,
    integration_url: String,
    keeper: session::Keeper,
    catalogue: procedure::Catalogue,
    merged: catalogue::Merged,
    accepted: progress::Accepted,
}

/// Builds the connector; touches no network.
pub fn connector(
    id: ConnectorId,
    label: String,
    in_flight: Option<usize>,
    config: &Config,
) -> Result<Arc<dyn Connector>, ConfigError> {
    Ok(Arc::new(Dvcqg::new(id, label, in_flight, config)?))
}

impl Dvcqg {
    fn new(
        id: ConnectorId,
        label: String,
        in_flight: Option<usize>,
        config: &Config,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let password =
            SecretSource::new("password", config.password.as_ref(), config.password_file.as_deref());
        let whole = |calls: u32| config.call_timeout() * calls;
        let manifest = Manifest {
            id,
            kind: PartnerKind::Portal,
            implementation: "dvcqg",
            label,
            actions: [
                (ActionKind::SyncDossier, whole(CALLS_OF_SYNC)),
                (ActionKind::AppendProgress, whole(CALLS_OF_PROGRESS)),
            ]
            .into(),
            settling_window: SignedDuration::from_secs(i64::from(config.settling_seconds)),
            person_after_doubt: config.person_after_doubt(),
            in_flight: in_flight.unwrap_or(IN_FLIGHT),
        };
        Ok(Self {
            manifest,
            password: password.read()?,
            http: Http::new(&connection(config))?,
            login_url: address(config, "login_path", &config.login_path)?,
            share_url: address(config, "share_path", &config.share_path)?,
            integration_url: address(config, "integration_path", &config.integration_path)?,
            keeper: session::Keeper::default(),
            catalogue: procedure::Catalogue::default(),
            merged: catalogue::Merged::default(),
            accepted: progress::Accepted::default(),
            config: config.clone(),
        })
    }

    /// As known clients send it; the destination code where the adapter looks for it.
    fn with_headers(&self, request: Request) -> Request {
        let request = request.header("Accept", "application/json").header("Charset", "utf-8");
        match self.config.dstcode_in {
            DstcodeIn::Header if !self.config.dstcode.is_empty() => {
                request.header("dstcode", &self.config.dstcode)
            }
            DstcodeIn::Header | DstcodeIn::Query => request,
        }
    }

    /// The dossier that every action of the portal is about.
    fn typed(task: &Task) -> Result<(&DossierState, Dossier), Outcome> {
        let defect = |said: String| Outcome::refused(Cause::Internal, "local", said);
        let state =
            task.dossier.as_deref().ok_or_else(|| defect("the operation carries no dossier".to_owned()))?;
        let dossier = state.dossier().map_err(|e| defect(format!("the dossier cannot be read: {e}")))?;
        Ok((state, dossier))
    }
}

/// What the portal is sent of a dossier, its own words for the procedure included: a step of an attempt, alone.
#[cfg(feature = "measured")]
pub fn request_of(state: &DossierState, config: &Config, connector: &ConnectorId) -> Option<Vec<u8>> {
    let dossier = state.dossier().ok()?;
    let (code, _) = procedure::national(state.procedure()?, &config.procedures)?;
    let mut mapped = map::dossier(state, &dossier, &code, config, connector).ok()?;
    let stated = dossier.procedure.as_ref()?;
    let (name, field_code, field_name) = (&stated.name, &stated.field_code, &stated.field_name);
    let names = procedure::Names {
        name: name.clone(),
        field_code: field_code.clone(),
        field_name: field_name.clone(),
    };
    mapped.name(names, config).ok()?;
    serde_json::to_vec(&wire::DongBoHoSoMC { isUpdating: "False", data: [&mapped.dossier] }).ok()
}

/// A connection that does not come about has to end before the call does: only then it is known that nothing was sent.
fn connection(config: &Config) -> HttpConfig {
    let connect_timeout_ms = config.http.connect_timeout_ms.min(config.call_timeout_ms / 2).max(1);
    HttpConfig { connect_timeout_ms, ..config.http.clone() }
}

/// The whole address of a path, with the adapter's parameters.
fn address(config: &Config, key: &str, path: &str) -> Result<String, ConfigError> {
    let joined =
        format!("{}/{}", config.adapter_url.trim().trim_end_matches('/'), path.trim_start_matches('/'));
    let mut url =
        reqwest::Url::parse(&joined).map_err(|e| ConfigError::new(key, format!("{joined}: {e}")))?;
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(ConfigError::new("adapter_url", format!("{joined}: not an http or https address")));
    }
    let mut parameters = Vec::new();
    if config.dstcode_in == DstcodeIn::Query && !config.dstcode.is_empty() {
        parameters.push(format!("dstcode={}", encoded(&config.dstcode)));
    }
    if let Some(provider) = config.providerurl.as_deref().filter(|p| !p.is_empty()) {
        parameters.push(format!("providerurl={}", encoded(provider).replace(':', "%3A")));
    }
    if !parameters.is_empty() {
        url.set_query(Some(&parameters.join("&")));
    }
    Ok(url.to_string())
}

/// Percent-encoding of a value; the colons of a destination code stay as the known clients send them.
fn encoded(value: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:".contains(&b);
    value.bytes().map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[async_trait]
impl Connector for Dvcqg {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn attempt(&self, task: &Task, call: &Call<'_>) -> Outcome {
        match task.payload.as_ref() {
            Payload::SyncDossier => self.sync_dossier(task, call).await,
            Payload::AdoptDossier => self.adopt_dossier(task, call).await,
            Payload::AppendProgress { steps } => self.append_progress(task, steps, call).await,
            other => Outcome::refused(
                Cause::Internal,
                "local",
                format!("the portal has no {}", other.kind().name()),
            ),
        }
    }

    async fn check(&self, call: &Call<'_>) -> Result<String, CheckFailure> {
        let mut visit = Visit::new(self, call, Vec::new());
        visit.log_in().await.map_err(failed)?;
        let reply = visit.ask(&wire::LayDanhSachTTHC {}, Effect::None).await.map_err(failed)?;
        if !reply.is_success() {
            return Err(failed(classify::read_refusal(&reply, &self.config, &visit.personal())));
        }
        let procedures = reply.rows().unwrap_or_default().len();
        Ok(format!("login accepted; LayDanhSachTTHC lists {procedures} procedures"))
    }

    fn catalogue(&self) -> Option<&dyn CatalogueSource> {
        (!self.config.catalogue.services.is_empty()).then_some(self as &dyn CatalogueSource)
    }
}

/// A check's failure from what a call came to.
fn failed(outcome: Outcome) -> CheckFailure {
    let (cause, said) = match outcome {
        Outcome::NotDone(setback) => (setback.cause, setback.said),
        Outcome::Paused(pause) => (pause.cause, pause.said),
        Outcome::Refused(refusal) => (refusal.cause, refusal.said),
        Outcome::Unclear(doubt) => (doubt.cause, doubt.said),
        Outcome::Done(_) | Outcome::Accepted(_) | Outcome::Held(_) => {
            (Cause::Internal, "no outcome of a check".to_owned())
        }
    };
    CheckFailure { cause, said }
}
