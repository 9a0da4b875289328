//! The national public service portal (Cổng Dịch vụ công quốc gia), behind the province's security-server adapter.
//! Contract: docs/partners/dvcqg.md. What is quirky about it: README.md.

mod account;
mod born;
mod catalogue;
mod classify;
mod config;
mod dialect;
mod exchange;
mod files;
mod inbound;
mod lists;
mod look_up;
mod map;
mod notes;
mod procedure;
mod progress;
pub mod read_back;
mod session;
mod sync;
#[cfg(test)]
mod tests;
mod wire;

pub use config::{
    CatalogueConfig, Config, DstcodeIn, IdentityCodes, Lengths, LookUp, OnUnclearSteps, Origins, PaperCodes,
    PortalBorn, ProcedureEntry, Procedures, Rewrite, SupplementStates,
};
pub use dialect::{Dialect, Gateway};
pub use inbound::{DossierRoute, InboundConfig, Kind as FileKind, Paths as InboundPaths};
pub use look_up::LookupFields;

use async_trait::async_trait;
use jiff::SignedDuration;
use lienthong_core::{
    dossier::DossierState,
    event::data::Dossier,
    id::ConnectorId,
    operation::{ActionKind, Payload},
    outcome::{Cause, Outcome},
    plan::rules::PartnerKind,
    port::{
        connector::{Call, CatalogueSource, CheckFailure, Connector, LookUps, Manifest, Task},
        inbound::Inbound,
    },
};
use secrecy::SecretString;
use std::sync::Arc;

use crate::http::{ConfigError, Http, HttpConfig, SecretSource};
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
    accounts: account::Accounts,
    merged: catalogue::Merged,
    accepted: progress::Accepted,
    inbound: Option<inbound::Door>,
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
        let source = SecretSource::new("password", config.password.as_ref(), config.password_file.as_deref());
        let password = match config.dialect {
            Dialect::Adapter => source.read()?,
            // Its operator's credentials, if any, are headers.
            Dialect::Gateway => source.optional()?.unwrap_or_else(|| SecretString::from("")),
        };
        let further = u32::from(config.look_up_account)
            + u32::from(config.keeps_born_by(PortalBorn::Both) || config.keeps_born_by(PortalBorn::Status));
        let whole = |calls: u32| config.call_timeout() * calls;
        let manifest = Manifest {
            id,
            kind: PartnerKind::Portal,
            implementation: "dvcqg",
            label,
            actions: [
                (ActionKind::SyncDossier, whole(CALLS_OF_SYNC + further)),
                (ActionKind::AppendProgress, whole(CALLS_OF_PROGRESS)),
            ]
            .into(),
            settling_window: SignedDuration::from_secs(i64::from(config.settling_seconds)),
            person_after_doubt: config.person_after_doubt(),
            in_flight: in_flight.unwrap_or(IN_FLIGHT),
        };
        Ok(Self {
            manifest,
            password,
            http: Http::new(&connection(config))?,
            login_url: dialect::adapter_address(config, "login_path", &config.login_path)?,
            share_url: dialect::adapter_address(config, "share_path", &config.share_path)?,
            integration_url: dialect::adapter_address(config, "integration_path", &config.integration_path)?,
            keeper: session::Keeper::default(),
            catalogue: procedure::Catalogue::default(),
            accounts: account::Accounts::default(),
            merged: catalogue::Merged::default(),
            accepted: progress::Accepted::default(),
            inbound: inbound::Door::new(config)?,
            config: config.clone(),
        })
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

/// The list of the catalogue that a service of the portal reads; none: it reads no catalogue.
pub fn catalogue_of(service: &str) -> Option<String> {
    catalogue::is_service(service).then(|| catalogue::list_of(service))
}

/// The field for whose sake a dossier in this state would certainly be refused before it is sent, if there is one. What only
/// a mapping is missing for may still go.
pub fn certainly_refused(state: &DossierState, config: &Config, connector: &ConnectorId) -> Option<String> {
    let Ok(dossier) = state.dossier() else { return Some("data".to_owned()) };
    // The code of the procedure may be mapped later; that there is none cannot be.
    let procedure = state.procedure().unwrap_or_default();
    if procedure.trim().is_empty() {
        return Some("MaTTHC".to_owned());
    }
    match map::dossier(state, &dossier, procedure, config, connector) {
        Err(Outcome::Refused(refusal)) => Some(refusal.field.unwrap_or_else(|| "data".to_owned())),
        _ => None,
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
    let sent = mapped.dossier.sent(&config.omit_empty).ok()?;
    serde_json::to_vec(&wire::DongBoHoSoMC { isUpdating: "False", data: [sent] }).ok()
}

/// A connection that does not come about has to end before the call does: only then it is known that nothing was sent.
fn connection(config: &Config) -> HttpConfig {
    let connect_timeout_ms = config.http.connect_timeout_ms.min(config.call_timeout_ms / 2).max(1);
    HttpConfig { connect_timeout_ms, ..config.http.clone() }
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
        if self.config.dialect == Dialect::Adapter {
            visit.log_in().await.map_err(failed)?;
        }
        let reply = visit.ask(&wire::LayDanhSachTTHC {}, Effect::None).await.map_err(failed)?;
        if !reply.is_success() {
            return Err(failed(classify::read_refusal(&reply, &self.config, &visit.personal())));
        }
        let procedures = reply.rows().unwrap_or_default().len();
        let login = match self.config.dialect {
            Dialect::Adapter => "login accepted",
            Dialect::Gateway => "the gateway answers",
        };
        Ok(format!("{login}; LayDanhSachTTHC lists {procedures} procedures"))
    }

    fn inbound(&self) -> Option<&dyn Inbound> {
        self.inbound.is_some().then_some(self as &dyn Inbound)
    }

    fn look_ups(&self) -> Option<&dyn LookUps> {
        (self.config.look_up != LookUp::Never).then_some(self as &dyn LookUps)
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
