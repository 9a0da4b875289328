//! The national portal's payment platform: opens references, asks about them, takes the platform's callbacks.
//! Only `INIT` has an effect; after a doubt the same reference is asked about first and then sent again byte for byte.

mod attempt;
mod callback;
mod classify;
mod config;
mod map;
mod plain;
mod sign;
#[cfg(test)]
mod tests;
mod wire;

pub use config::{BankField, Config, Envelope};

use async_trait::async_trait;
use jiff::SignedDuration;
use lienthong_core::{
    clock::compact,
    finding::Finding,
    id::{ConnectorId, Reference},
    need::Need,
    operation::ActionKind,
    outcome::{Cause, Outcome},
    payment::{News, Tiding},
    plan::rules::PartnerKind,
    port::{
        connector::{Call, Callbacks, CheckFailure, Connector, Inquiries, Manifest, Prober, Task},
        store::ReferenceToAsk,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::http::{Answer, Budget, ConfigError, Failure, Http, Request, SecretSource};
use attempt::{dead, found};
use map::Opening;

/// What this implementation is called.
pub const IMPLEMENTATION: &str = "dvcqg-payment";
/// Operations that may be with the platform at once, unless configured otherwise.
const IN_FLIGHT: usize = 16;
/// For our own work beside the calls of an attempt.
const MARGIN: Duration = Duration::from_secs(1);
/// A well-formed reference that nobody ever opened, for checks.
const NOBODYS: &str = "LTKIEMTRAKETNOI0000000000";

struct DvcqgPayment {
    manifest: Manifest,
    config: Config,
    secret: SecretString,
    token: Option<SecretString>,
    http: Http,
}

/// Makes the connector; refuses settings that could not work.
pub fn connector(
    id: ConnectorId,
    label: String,
    in_flight: Option<usize>,
    config: &Config,
) -> Result<Arc<dyn Connector>, ConfigError> {
    config.validate()?;
    let secret = SecretSource::new("secret", config.secret.as_ref(), config.secret_file.as_deref()).read()?;
    let token = SecretSource::new("token", config.token.as_ref(), config.token_file.as_deref()).optional()?;
    let longest = Duration::from_millis(config.call_timeout_ms) * 2 + MARGIN; // QUERY, INIT
    let manifest = Manifest {
        id,
        kind: PartnerKind::Payment,
        implementation: IMPLEMENTATION,
        label,
        actions: BTreeMap::from([(ActionKind::OpenPayment, longest)]),
        settling_window: SignedDuration::from_secs(i64::from(config.settling_seconds)),
        person_after_doubt: BTreeSet::new(),
        in_flight: in_flight.unwrap_or(IN_FLIGHT),
    };
    let http = Http::new(&config.http)?;
    Ok(Arc::new(DvcqgPayment { manifest, config: config.clone(), secret, token, http }))
}

/// A signed opening as it is sent: a step of an attempt, alone.
#[cfg(feature = "measured")]
pub fn request_of(task: &Task, config: &Config, secret: &SecretString) -> Option<Vec<u8>> {
    serde_json::to_vec(&map::init(Opening::of(&task.payload)?, task, config, secret).ok()?).ok()
}

/// A report signed as the platform signs it.
#[cfg(feature = "measured")]
pub fn signed_report(mut report: serde_json::Value, secret: &SecretString) -> String {
    let read: wire::Report = serde_json::from_str(&report.to_string()).unwrap_or_default();
    report["MaXacThuc"] = sign::report(&read, secret).into();
    report.to_string()
}

#[async_trait]
impl Connector for DvcqgPayment {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn attempt(&self, task: &Task, call: &Call<'_>) -> Outcome {
        let Some(opening) = Opening::of(&task.payload) else {
            return Outcome::Held(Need::Action(task.payload.kind().name().to_owned()));
        };
        let budget = Budget::new(call.deadline);
        if task.begun && task.doubted {
            self.open_again(opening, task, call, budget).await
        } else {
            self.open(opening, task, call, budget).await
        }
    }

    async fn check(&self, call: &Call<'_>) -> Result<String, CheckFailure> {
        let nobodys = Reference::parse(NOBODYS)
            .map_err(|error| CheckFailure { cause: Cause::Internal, said: error.to_string() })?;
        let message = map::query(&nobodys, &compact(call.now), &self.config, &self.secret);
        let answer = self.post(&self.config.query_url, &message, Budget::new(call.deadline)).await;
        let answer = answer.map_err(|failure| CheckFailure { cause: failure.cause(), said: failure.said })?;
        match classify::known(&answer, &nobodys, &self.config, &self.secret) {
            Ok(_) => {
                Ok("QUERY answers and takes our signature; INIT cannot be tried without effect".to_owned())
            }
            // The codes are not published: an answer in the platform's form shows that it is there.
            Err(failure)
                if failure.cause == Cause::Unlisted && classify::is_in_form(&answer, &self.config) =>
            {
                Ok(format!("QUERY answers {}", failure.said))
            }
            Err(failure) => Err(failure),
        }
    }

    fn prober(&self) -> Option<&dyn Prober> {
        Some(self)
    }

    fn callbacks(&self) -> Option<&dyn Callbacks> {
        Some(self)
    }

    fn inquiries(&self) -> Option<&dyn Inquiries> {
        Some(self)
    }
}

#[async_trait]
impl Prober for DvcqgPayment {
    fn can_probe(&self, action: ActionKind) -> bool {
        action == ActionKind::OpenPayment
    }

    async fn probe(&self, task: &Task, call: &Call<'_>) -> Finding {
        let Some(opening) = Opening::of(&task.payload) else {
            return Finding::Inconclusive {
                cause: Cause::Internal,
                said: "only payments can be asked about".into(),
            };
        };
        match self.ask(opening.reference, opening.sent_at, Budget::new(call.deadline)).await {
            Ok(None) => Finding::Absent,
            Ok(Some(tiding)) => match &tiding.news {
                News::Paid { .. } | News::Pending => Finding::Present(found(&tiding)),
                News::Failed { code } => Finding::Refused(dead(code)),
            },
            Err(CheckFailure { cause, said }) => Finding::Inconclusive { cause, said },
        }
    }
}

#[async_trait]
impl Inquiries for DvcqgPayment {
    async fn inquire(
        &self,
        reference: &ReferenceToAsk,
        call: &Call<'_>,
    ) -> Result<Option<Tiding>, CheckFailure> {
        self.ask(&reference.reference, &reference.sent_at, Budget::new(call.deadline)).await
    }
}

impl DvcqgPayment {
    async fn ask(
        &self,
        reference: &Reference,
        sent_at: &str,
        budget: Budget,
    ) -> Result<Option<Tiding>, CheckFailure> {
        let message = map::query(reference, sent_at, &self.config, &self.secret);
        match self.post(&self.config.query_url, &message, budget).await {
            Ok(answer) => classify::known(&answer, reference, &self.config, &self.secret),
            Err(failure) => Err(CheckFailure { cause: failure.cause(), said: failure.said }),
        }
    }

    async fn post<T: Serialize + Sync>(
        &self,
        url: &str,
        message: &T,
        budget: Budget,
    ) -> Result<Answer, Failure> {
        let body = serde_json::to_vec(message)
            .map_err(|error| Failure::new(crate::http::FailureKind::NotSent, error.to_string()))?;
        let mut request = Request::post_json(url, body);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {}", token.expose_secret()));
        }
        self.http.send(request, budget.for_call(Duration::from_millis(self.config.call_timeout_ms))).await
    }
}
